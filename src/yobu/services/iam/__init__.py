"""IAM and STS: roles and policies as records, sessions and who signed. Policies are not evaluated yet."""
