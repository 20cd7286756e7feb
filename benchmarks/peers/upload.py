"""upload.py ENDPOINT BUCKET FILE: puts a file into a bucket of an S3 server, where everybody may read it."""

import json
import pathlib
import sys

import boto3

endpoint, bucket, file = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
s3.create_bucket(Bucket=bucket)
statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
s3.upload_file(str(file), bucket, file.name)
