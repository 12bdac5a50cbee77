"""The wire of AWS's APIs, from botocore's service models. No I/O."""
