"""HTTP in and out, the control plane, outgoing deliveries."""
