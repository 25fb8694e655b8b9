#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-scale-client.py SCALE-SERVER CERTIFICATE: the Scale server as Scale's own Python clients see it (scaleapi and
scale-nucleus from PyPI, in the interpreter that GST_HEADS_TEST_PYTHON names). Theirs is the independent reading of the
API: what they accept the real service may answer, and what they send the server has to take."""
import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.request

python = os.environ.get("GST_HEADS_TEST_PYTHON", sys.executable)
if python != sys.executable and "GST_HEADS_TEST_PYTHON_RUNS" not in os.environ:
    os.environ["GST_HEADS_TEST_PYTHON_RUNS"] = "1"
    os.execv(python, [python] + sys.argv)

# The clients must find nothing of a user's: neither keys nor proxies nor other certificates.
for name in ("NUCLEUS_API_KEY", "NUCLEUS_ENDPOINT", "S3_ENDPOINT", "http_proxy", "https_proxy", "HTTP_PROXY",
             "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
    os.environ.pop(name, None)
os.environ["REQUESTS_CA_BUNDLE"] = os.path.abspath(sys.argv[2])

try:
    import scaleapi
    from scaleapi.exceptions import ScaleException
    from scaleapi.tasks import TaskStatus, TaskType
except ImportError:
    print("SKIP: no scaleapi in %s: pip install scaleapi, and set GST_HEADS_TEST_PYTHON" % python)
    sys.exit(77)
try:
    import nucleus
except ImportError:
    nucleus = None

SERVER, CERTIFICATE = (os.path.abspath(path) for path in sys.argv[1:3])
KEY = "test_scale_server"
JPEG = b"\xff\xd8\xff\xe0 picture "


def check(truth, words):
    if not truth:
        sys.exit("FAILED: " + words)


def raises(status, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except ScaleException as e:
        check(e.code == status, "%s raised %s instead of %s: %s" % (function.__name__, e.code, status, e.message))
        return e.message
    return check(False, "%s raised nothing instead of %s" % (function.__name__, status))


class Server:
    """The program; it ends with its input."""

    def __init__(self, *options):
        self.process = subprocess.Popen([SERVER] + list(options), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().strip()
        check(self.url.startswith("http"), "the server said " + self.url)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        status = self.process.wait(120)
        check(kind or status == 0, "the server ended with %s" % status)

    def control(self, path, body=b""):
        trust = ssl.create_default_context(cafile=CERTIFICATE)
        with urllib.request.urlopen(self.url + "/control/" + path, body, 30, context=trust) as answer:
            return json.load(answer)

    def look(self, path):
        return self.control(path, None)

    def client(self, key=KEY):
        return scaleapi.ScaleClient(key, api_instance_url=self.url + "/v1", verify=CERTIFICATE)


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)
    return name


def test_projects_and_batches(server):
    client = server.client()
    params = {"instruction": "boxes", "geometries": {}}
    project = client.create_project("a plaza/1", TaskType.ImageAnnotation, params, rapid=True)
    check(project.version == 0 and project.instruction == "boxes", "the project's params")
    raises(409, client.create_project, "a plaza/1", TaskType.ImageAnnotation)
    raises(404, client.get_project, "none")
    raises(401, server.client("unknown").get_project, "a plaza/1")
    raises(404, server.client("live_other").get_project, "a plaza/1")
    project = client.update_project("a plaza/1", patch=True, instruction="better")
    check(project.version == 1 and project.instruction == "better", "the new params")
    check(project.params["geometries"] == {}, "what the new params keep")
    check([p.name for p in client.projects()] == ["a plaza/1"], "the projects")
    batch = client.create_batch("a plaza/1", "b/1")
    check(batch.status == "staging" and client.get_batch("b/1").metadata == {}, "the new batch")
    check(client.set_batch_metadata("b/1", {"day": 1}).metadata == {"day": 1}, "the batch's metadata")
    for i in range(120):
        client.create_batch("a plaza/1", "many %d" % i)
    check(len(list(client.get_batches("a plaza/1"))) == 121, "all pages of batches")
    raises(409, client.create_batch, "a plaza/1", "b/1")


def upload(client, number, **more):
    name = write("%d.jpg" % number, JPEG + str(number).encode())
    with open(name, "rb") as file:
        return client.upload_file(file, **more)


def test_tasks(server):
    client = server.client()
    metadata = {"image_path": "cam/0.jpg", "n": 3}
    files = [upload(client, i, project_name="a plaza/1", reference_id="ref %d" % i, metadata=json.dumps(metadata))
             for i in range(7)]
    raises(409, upload, client, 0, project_name="a plaza/1", reference_id="ref 0")
    raises(400, upload, client, 9, metadata=metadata)
    raises(400, client.create_task, TaskType.ImageAnnotation, project="a plaza/1", attachment=files[0].attachment_url)
    tasks = [client.create_task(TaskType.ImageAnnotation, batch="b/1", attachment=file.attachment_url,
                                unique_id="plaza:%d" % i, metadata=metadata, tags=["x"])
             for i, file in enumerate(files)]
    check(tasks[0].project == "a plaza/1" and tasks[0].status == "pending", "the new task")
    words = raises(409, client.create_task, TaskType.ImageAnnotation, batch="b/1", attachment="http://x/",
                   unique_id="plaza:0")
    check("plaza:0" in words and "(%s)" % tasks[0].id in words, "what is said of a conflict: " + words)
    tasks[0].cancel(clear_unique_id=True)
    tasks[0].refresh()
    check(tasks[0].status == "canceled" and "unique_id" not in tasks[0].as_dict(), "the canceled task")
    client.create_task(TaskType.ImageAnnotation, batch="b/1", attachment="http://x/", unique_id="plaza:0")
    tasks[1].set_metadata({"new": 1})
    tasks[1].set_tags(["a", "b"])
    tasks[1].add_tags(["b", "c"])
    tasks[1].delete_tags(["a"])
    tasks[1].update_unique_id("other")
    tasks[1].refresh()
    check(tasks[1].metadata == {"new": 1} and tasks[1].tags == ["b", "c"] and tasks[1].unique_id == "other", "changes")
    tasks[1].clear_unique_id()
    raises(404, client.get_task, "0" * 24)
    check(client.get_batch("b/1").get_status()["pending"] == 7, "pending tasks of the batch")
    check(client.finalize_batch("b/1").status == "in_progress", "the finalized batch")
    raises(400, client.finalize_batch, "b/1")
    raises(400, client.create_task, TaskType.ImageAnnotation, batch="b/1", attachment="http://x/")
    check(server.control("complete")["n"] == 7, "labels")
    raises(400, client.cancel_task, tasks[1].id)
    check(client.get_batch("b/1").status == "completed", "the labeled batch")


def test_lists(server):
    client = server.client()
    for limit in (1, 3, 8, 100):
        found = list(client.get_tasks(project_name="a plaza/1", limit=limit))
        check(len(found) == 8 and len({t.id for t in found}) == 8, "tasks in pages of %d" % limit)
        check(sorted((t.created_at for t in found), reverse=True) == [t.created_at for t in found], "the order")
    check("attachmentS3Downloads" in found[0].as_dict(), "links to the images")
    box = next(client.get_tasks(batch_name="b/1", status=TaskStatus.Completed)).response["annotations"][0]
    check(box["type"] == "box" and box["width"] > 0 and box["uuid"], "the box %s" % box)
    check(client.get_tasks_count(project_name="a plaza/1", status=TaskStatus.Canceled) == 1, "the canceled task")
    found = list(client.get_tasks(project_name="a plaza/1", unique_id=["plaza:2", "plaza:3"], limited_response=True))
    check(len(found) == 2 and "params" not in found[0].as_dict() and found[0].metadata["n"] == 3, "tasks by unique id")
    late = "2100-01-01 00:00:00.000000"
    check(client.get_tasks_count(project_name="a plaza/1", updated_after=late) == 0, "tasks after a time")
    check(client.get_tasks_count(project_name="a plaza/1", created_before=late) == 8, "tasks before a time")
    client.audit_task(found[0].id, True, "fine")
    check(client.get_task(found[0].id).audits[0]["comments"] == "fine", "the audit")
    names = [f["filename"] for f in server.look("state")["files"]]
    check(names == ["%d.jpg" % i for i in range(7)], "the files %s" % names)


def test_faults():
    """Over TLS, because only there the client tries again. A task that was made and denied is found."""
    with Server("--tls") as server:
        client = server.client()
        client.create_project("p", TaskType.ImageAnnotation, {"instruction": "boxes", "geometries": {}})
        server.control("fault", b"POST /v1/task/* status=500 commit count=1\n"
                       b"GET /v1/projects* status=503 retry-after=1 count=1\n"
                       b"POST /v1/batches html=400 count=1")
        task = client.create_task(TaskType.ImageAnnotation, project="p", attachment="http://x/", unique_id="u")
        check(task.unique_id == "u", "the task that was denied")
        check(client.get_tasks_count(project_name="p") == 1, "one task")
        check(client.get_project("p").name == "p", "a 503 and then the project")
        check("Bad gateway" in raises(400, client.create_batch, "p", "b"), "the proxy's page")
        paths = [(r["method"], r["status"]) for r in server.look("requests") if r["path"].startswith("/v1/task")]
        check(paths[:3] == [("POST", 500), ("POST", 409), ("GET", 200)], "the requests %s" % paths)
    with Server() as server:
        server.control("fault", b"GET * truncate count=1\nGET * cut count=1\nGET * drop count=1")
        check(server.client().api.get_request("projects") is None, "JSON that ends early")
        raises(None, server.client().projects)
        raises(None, server.client().projects)
        check(server.client().projects() == [], "what follows the faults")


def make_items(dataset, count):
    items = [nucleus.DatasetItem(write("item %d.jpg" % i, JPEG + b"item %d" % i), "ref/%d" % i,
                                 {"hour": i, "zone": "UTC"}) for i in range(count)]
    job = dataset.append(items)
    job.sleep_until_complete(False)
    check(dataset.size == count, "the size of the dataset")
    check(dataset.refloc("ref/1")["item"].metadata == {"hour": 1, "zone": "UTC"}, "one item")


def test_nucleus_items(server):
    client = nucleus.NucleusClient(KEY, endpoint=server.url + "/v1/nucleus")
    dataset = client.create_dataset("plaza", is_scene=False)
    check([d.id for d in client.datasets] == [dataset.id], "the list of datasets")
    check(client.get_dataset(dataset.id).name == "plaza", "the dataset")
    make_items(client.get_dataset(dataset.id), 8)
    check(len(list(dataset.items_generator(page_size=3))) == 8 and len(dataset.items) == 8, "all items")
    job = dataset.append([nucleus.DatasetItem("https://example.org/%d.jpg" % i, "remote %d" % i, {"hour": "no number"})
                          for i in range(2)])
    check(job.status()["status"] == "Errored_Partial" and len(job.errors()) == 2, "a key of two types")
    job = dataset.append([nucleus.DatasetItem("https://example.org/1.jpg", "remote", {"hour": 5})], update=True)
    check(job.status()["status"] == "Completed" and dataset.size == 9, "a remote item")
    check(client.get_job(job.job_id).job_type == "uploadDatasetItems", "the job")
    dataset.update_item_metadata({"ref/0": {"more": 1}})
    check(dataset.iloc(0)["item"].metadata == {"hour": 0, "zone": "UTC", "more": 1}, "merged metadata")
    shas = [i["sha256"] for i in server.look("state")["items"] if "sha256" in i]
    check(shas == [hashlib.sha256(JPEG + b"item %d" % i).hexdigest() for i in range(8)], "the images, by position")
    part = [r for r in server.look("requests") if r.get("parts")][0]["parts"]
    check([p["name"] for p in part] == ["items"] + 8 * ["image"], "the layout of the parts")
    return dataset


def test_nucleus_labels(dataset):
    boxes = [nucleus.BoxAnnotation("person", 1, 2, 3, 4, "ref/%d" % i, "box %d" % i) for i in range(3)]
    check(dataset.annotate(boxes)["annotations_processed"] == 3, "annotations")
    check(dataset.annotate(boxes)["annotations_ignored"] == 3, "the same annotations")
    rows = list(dataset.items_and_annotation_generator())
    check(len(rows) == 9 and rows[2]["annotations"]["box"][0].label == "person", "items with annotations")
    check(len(dataset.items_and_annotations()) == 9, "all of them at once")
    check(dataset.refloc("ref/1")["annotations"]["box"][0].width == 3, "the annotations of one")
    some = dataset.create_slice("some", ["ref/0"])
    some.append(["ref/1"])
    check(some.info()["dataset_id"] == dataset.id and dataset.info().slice_ids == [some.id], "the slice")
    check(dataset.export_scale_task_info()[0]["scale_task_info"] == [], "no tasks of an item")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with Server("--key=" + KEY, "--key=live_other") as server:
            test_projects_and_batches(server)
            test_tasks(server)
            test_lists(server)
        test_faults()
        if nucleus:
            with Server() as server:
                test_nucleus_labels(test_nucleus_items(server))
        else:
            print("without scale-nucleus, which is not in %s" % python)
        os.chdir("/")
    print("all as expected")


main()
