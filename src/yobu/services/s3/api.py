"""The S3 room's face: which method answers which operation of AWS's model.

In: context and parameters as botocore's model names them. Out: parameters, or an `Answer` where the status says more.
What is not listed here is not built, and dispatch says so.
"""

from __future__ import annotations

from yobu.services.port import Handler, Parts, Room
from yobu.services.s3.buckets import Buckets
from yobu.services.s3.copying import Copying
from yobu.services.s3.depot import Depot
from yobu.services.s3.listing import Listing
from yobu.services.s3.multipart import Multipart
from yobu.services.s3.notifications import Notifications
from yobu.services.s3.objects import Objects
from yobu.services.s3.tagging import Tagging


class Api(Room):
    """S3. Its own methods answer in AWS's words, so dispatch leaves the model's constraints to them."""

    services = ("s3",)
    constraint_code = None

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.depot = Depot(parts)
        buckets, objects, multipart = Buckets(self.depot), Objects(self.depot), Multipart(self.depot)
        copying, listing = Copying(self.depot), Listing(self.depot)
        notifications, tagging = Notifications(self.depot), Tagging(self.depot)
        self._operations: dict[str, Handler] = {
            "CreateBucket": buckets.create_bucket,
            "HeadBucket": buckets.head_bucket,
            "GetBucketLocation": buckets.get_bucket_location,
            "ListBuckets": buckets.list_buckets,
            "DeleteBucket": buckets.delete_bucket,
            "PutObject": objects.put_object,
            "GetObject": objects.get_object,
            "HeadObject": objects.head_object,
            "DeleteObject": objects.delete_object,
            "DeleteObjects": objects.delete_objects,
            "CopyObject": copying.copy_object,
            "ListObjects": listing.list_objects,
            "ListObjectsV2": listing.list_objects_v2,
            "CreateMultipartUpload": multipart.create_multipart_upload,
            "UploadPart": multipart.upload_part,
            "UploadPartCopy": multipart.upload_part_copy,
            "CompleteMultipartUpload": multipart.complete_multipart_upload,
            "AbortMultipartUpload": multipart.abort_multipart_upload,
            "ListParts": multipart.list_parts,
            "ListMultipartUploads": multipart.list_multipart_uploads,
            "PutBucketNotificationConfiguration": notifications.put_bucket_notification_configuration,
            "GetBucketNotificationConfiguration": notifications.get_bucket_notification_configuration,
            "GetObjectTagging": tagging.get_object_tagging,
            "PutObjectTagging": tagging.put_object_tagging,
            "DeleteObjectTagging": tagging.delete_object_tagging,
            "GetBucketTagging": tagging.get_bucket_tagging,
            "PutBucketTagging": tagging.put_bucket_tagging,
            "DeleteBucketTagging": tagging.delete_bucket_tagging,
        }

    def operation(self, service: str, name: str) -> Handler | None:
        """The method for an operation, or None where it is not built."""
        return self._operations.get(name)

    async def start(self) -> None:
        """Begin to sweep what replaced and aborted uploads left."""
        self.depot.start()

    async def stop(self) -> None:
        """Stop sweeping."""
        await self.depot.stop()

    def reset(self) -> None:
        """Forget claims and readers: the store has just been emptied."""
        self.depot.reset()
