"""What several tests need: a served stand-in, an in-process client, a Solvimon sandbox."""
