"""The files of the front end in the bucket behind CloudFront.

Files whose names change with their content go first and may be cached for ever. Pages, which name them, go last and are asked for each
time. Files of earlier versions stay, for tabs that are still open."""

import mimetypes
import pathlib
import re
import time

from settings import Refused

IMMUTABLE, ASKED_FOR = "public, max-age=31536000, immutable", "no-cache"
# As Vite, Next.js and webpack name them.
HASHED = re.compile(r"(^|/)(assets|_next/static)/|[.-][0-9a-f]{8,}\.[a-z0-9.]+$")
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2", ".map": "application/json"}
# Apps ask for it without an extension.
APPLE = ".well-known/apple-app-site-association"


def files(folder):
    """Their names in the bucket in the order in which they are uploaded."""
    root = pathlib.Path(folder)
    if not (root / "index.html").is_file():
        raise Refused(f"SITE={folder} has no index.html. It must be the folder with the built front end")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    names = [name for name in names if not any(part.startswith(".") and part != ".well-known" for part in name.split("/"))]
    return sorted(names, key=lambda name: (name == "index.html", name.endswith(".html"), not HASHED.search(name)))


def content_type(name):
    if name == APPLE:
        return "application/json"
    suffix = pathlib.Path(name).suffix
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "binary/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def upload(edge, folder):
    s3, bucket = edge.session.client("s3"), edge.outputs["SiteBucket"]
    names = files(folder)
    for name in names:
        cache = IMMUTABLE if HASHED.search(name) and not name.endswith(".html") else ASKED_FOR
        body = (pathlib.Path(folder) / name).read_bytes()
        s3.put_object(Bucket=bucket, Key=name, Body=body, ContentType=content_type(name), CacheControl=cache)
    print(f"{len(names)} files are in {bucket}", flush=True)
    # What CloudFront still has of a name that does not change.
    paths = ["/index.html", "/"]
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": str(time.time_ns())}
    edge.session.client("cloudfront").create_invalidation(DistributionId=edge.outputs["DistributionId"], InvalidationBatch=batch)
