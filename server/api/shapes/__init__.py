"""What the API answers, for its document: TypedDicts that pydantic turns into JSON Schema. Nothing is built of them."""
