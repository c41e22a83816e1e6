"""What OpenAPI cannot say: resources, lifecycles, lists, errors; read, inferred, explained. Pure."""
