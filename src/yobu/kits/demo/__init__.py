"""The main job, end to end: a photo lands in a bucket, a function makes its thumbnail, a row lands in a table."""
