"""The document: what operations there are, what they take and what they give. Pure."""
