"""The S3 room: buckets, objects, multipart uploads and event notifications."""
