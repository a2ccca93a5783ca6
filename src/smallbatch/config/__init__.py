"""Studies as users write them: schema, checks, composition."""
