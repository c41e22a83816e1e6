"""One operation against one view of a world becomes an outcome. Pure."""
