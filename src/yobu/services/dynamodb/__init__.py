"""The room of Amazon DynamoDB: tables, items, indexes and expressions."""
