#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-run-service.py GST_HEADS HLS_ORIGIN: the status page of "gst-heads run", and its words to a service manager. The frames of the
pipeline are what this test writes into it, so it can let them stop."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LIMIT = 20


def fetch(port, path, method="GET"):
    try:
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), method=method)
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def wait_for(what, condition):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    sys.exit("FAILED: not within %d s: %s" % (LIMIT, what))


def check(truth, words):
    if not truth:
        sys.exit("FAILED: " + words)


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        try:
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.heard

    def feedings(self):
        return self.listen().count("WATCHDOG=1")


def start(gst_heads, folder, options, env):
    pipeline = os.path.join(folder, "fed.pipeline")
    with open(pipeline, "w") as f:
        f.write("fdsrc fd=0 blocksize=8 do-timestamp=true ! fakesink name=the-end sync=false async=false\n")
    return subprocess.Popen([gst_heads, "run"] + options + [pipeline], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=dict(os.environ, **env), bufsize=0)


def port_of(process):
    words = b""
    while True:
        line = process.stderr.readline()
        check(line, "no status page: %s" % words.decode())
        words += line
        match = re.search(rb"http://127\.0\.0\.1:(\d+)/", line)
        if match:
            return int(match[1])


def feed(process):
    process.stdin.write(b"a frame.")


def end(process):
    process.stdin.close()
    words = process.stderr.read().decode()
    status = process.wait(LIMIT)
    check(status == 0, "status %d at the end of the stream: %s" % (status, words))


def test_pages(gst_heads, folder):
    process = start(gst_heads, folder, ["--status-port=0", "--max-frame-age=2"], {})
    port = port_of(process)
    check(fetch(port, "/healthz") == (200, "ok\n"), "not healthy")
    status, words = fetch(port, "/readyz")
    check(status == 503 and "the-end: no frame yet" in words, "ready without a frame: %s" % words)
    wait_for("readiness", lambda: feed(process) or fetch(port, "/readyz") == (200, "ready\n"))
    status, text = fetch(port, "/metrics")
    check(status == 200, "no metrics")
    for line in text.splitlines():
        check(re.fullmatch(r"# TYPE [a-z0-9_]+ (gauge|counter)|[a-z0-9_]+(\{[^}]*\})? [-+0-9.eNaInf]+", line),
              "not the format of metrics: " + line)
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "gst_heads_playing",
                 'gst_heads_frames_total{sink="the-end"}', 'gst_fakesink_rendered_total{element="the-end"}'):
        check(re.search("^%s [0-9.e+]*[1-9]" % re.escape(name), text, re.M), "no number for %s:\n%s" % (name, text))
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M):
        check((kind == "counter") == name.endswith("_total"), "%s is a %s" % (name, kind))
    types = re.findall(r"^# TYPE (\S+)", text, re.M)
    check(len(types) == len(set(types)), "a metric is there twice")
    check(fetch(port, "/readyz/more")[0] == 404 and fetch(port, "/nowhere")[0] == 404, "pages that are none")
    check(fetch(port, "/metrics", "POST")[0] == 405, "a POST was taken")
    status, words = wait_for("staleness", lambda: (fetch(port, "/readyz")[0] == 503 or None) and fetch(port, "/readyz"))
    check("the-end: the last frame came" in words, "another reason: " + words)

    second = subprocess.run([gst_heads, "run", "--status-port=%d" % port, os.path.join(folder, "fed.pipeline")],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LIMIT)
    check(second.returncode == 1 and b"status page cannot be at port %d" % port in second.stderr,
          "two pages at one port: %d %s" % (second.returncode, second.stderr))
    end(process)


def test_manager(gst_heads, folder):
    address = os.path.join(folder, "notify")
    manager = Manager(address)
    process = start(gst_heads, folder, [], {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"})
    wait_for("READY", lambda: "READY=1" in manager.listen())
    wait_for("feedings", lambda: feed(process) or manager.feedings() >= 5)
    time.sleep(0.5)
    before = manager.feedings()
    time.sleep(1)
    check(manager.feedings() == before, "the watchdog is fed though no frame comes")
    end(process)
    check("STOPPING=1" in manager.listen(), "no STOPPING")


def origin_of(program, folder):
    """A live stream whose faults are set by their names; None where no encoder is."""
    segments = os.path.join(folder, "segments")
    os.mkdir(segments)
    process = subprocess.Popen([program, segments, "0.5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = process.stdout.readline()
    return (process, int(line)) if line.strip() else None


def test_interval(gst_heads, folder, camera):
    """Between two frames of a camera that is asked for one now and then all is well, for the manager."""
    pipeline = os.path.join(folder, "slow.pipeline")
    with open(pipeline, "w") as f:
        f.write("live-src name=camera uri=http://127.0.0.1:%d/live.m3u8 interval=30000000000 "
                "! fakesink name=the-end sync=false async=false\n" % camera)
    address = os.path.join(folder, "notify-slow")
    manager = Manager(address)
    process = subprocess.Popen([gst_heads, "run", "--status-port=0", pipeline], stderr=subprocess.PIPE,
                               env=dict(os.environ, NOTIFY_SOCKET=address, WATCHDOG_USEC="400000"))
    port = port_of(process)
    wait_for("a frame", lambda: 'gst_heads_frames_total{sink="the-end"} 1\n' in fetch(port, "/metrics")[1])
    before = manager.feedings()
    wait_for("feedings between two frames", lambda: manager.feedings() >= before + 5)
    check('gst_heads_frames_total{sink="the-end"} 1\n' in fetch(port, "/metrics")[1], "a second frame")
    process.terminate()
    process.communicate(timeout=LIMIT)


def test_camera(gst_heads, folder, program):
    origin, camera = origin_of(program, folder) or (None, 0)
    if not origin:
        return
    test_interval(gst_heads, folder, camera)
    test_doubts(gst_heads, folder, camera)
    test_outage(gst_heads, folder, camera)
    origin.stdin.close()
    origin.wait(LIMIT)


def test_doubts(gst_heads, folder, camera):
    pipeline = os.path.join(folder, "camera.pipeline")
    with open(pipeline, "w") as f:
        f.write("live-src name=camera uri=http://127.0.0.1:%d/live.m3u8 interval=500000000 "
                "! fakesink name=the-end sync=false async=false\n" % camera)
    process = subprocess.Popen([gst_heads, "run", "--status-port=0", pipeline], stderr=subprocess.PIPE)
    port = port_of(process)
    wait_for("readiness", lambda: fetch(port, "/readyz") == (200, "ready\n"))
    check("\ngst_heads_doubts 0\n" in fetch(port, "/metrics")[1], "a doubt from the beginning")
    fetch(camera, "/control?skew=90")
    doubt = 'gst_heads_doubt{element="camera",reason="clock"} 1\n'
    wait_for("a doubt in the metrics", lambda: doubt in fetch(port, "/metrics")[1])
    check("\ngst_heads_doubts 1\n" in fetch(port, "/metrics")[1], "not one doubt")
    status, words = fetch(port, "/readyz")
    check(status == 200 and words.startswith("ready\ncamera: doubtful frames: clock: "), "no doubt on the page: " + words)
    fetch(camera, "/control?skew=0")
    wait_for("the doubt's end", lambda: fetch(port, "/readyz") == (200, "ready\n"))
    check("gst_heads_doubt{" not in fetch(port, "/metrics")[1], "the doubt stays")
    process.terminate()
    words = process.stderr.read().decode()
    process.wait(LIMIT)
    check("doubtful frames from" in words and "not doubtful any more (clock)" in words, "the doubt is not told: " + words)


def test_outage(gst_heads, folder, camera):
    """What an alarm needs: whether one lasts, since when, why, and how many there were."""
    process = subprocess.Popen([gst_heads, "run", "--status-port=0", os.path.join(folder, "camera.pipeline")],
                               stderr=subprocess.PIPE)
    port = port_of(process)
    number = lambda name: float(re.search(r"^gst_live_src_%s\{element=\"camera\"\} (.*)$" % name,
                                          fetch(port, "/metrics")[1], re.M)[1])
    wait_for("readiness", lambda: fetch(port, "/readyz") == (200, "ready\n"))
    check(number("outage_seconds") == 0 and number("outages_total") == 0, "an outage from the beginning")
    fetch(camera, "/control?playlist=403")
    wait_for("an outage that lasts", lambda: number("outage_seconds") > 0.3)
    text = fetch(port, "/metrics")[1]
    check('\ngst_heads_outage{element="camera",reason="http_403"} 1\n' in text, "no outage in the metrics")
    check(re.search(r'^gst_live_src_http_responses_total\{element="camera",key="playlist-403"\} [1-9]', text, re.M)
          and re.search(r'^gst_live_src_reconnects_total\{element="camera",key="http_403"\} [1-9]', text, re.M),
          "answers are not counted:\n" + text)
    check("# TYPE gst_live_src_frames_total counter\n" in text and "# TYPE gst_live_src_last_frame_age gauge\n" in text,
          "no counter, or no gauge")
    fetch(camera, "/control?playlist=0")
    wait_for("the outage's end", lambda: number("outage_seconds") == 0)
    check(number("outages_total") == 1, "not one outage")
    process.terminate()
    process.communicate(timeout=LIMIT)


def test_pause(gst_heads, folder):
    """A dataset on a disk that is full, as min-free has it."""
    pipeline = os.path.join(folder, "kept.pipeline")
    with open(pipeline, "w") as f:
        f.write("videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! dataset-sink name=dataset location=%s/kept "
                "min-free=%d\n" % (folder, 1 << 62))
    process = subprocess.Popen([gst_heads, "run", "--status-port=0", pipeline], stderr=subprocess.PIPE)
    port = port_of(process)
    wait_for("a pause", lambda: "dataset: nothing is stored: disk-full" in fetch(port, "/readyz")[1])
    check(fetch(port, "/readyz")[0] == 503, "ready, though nothing is stored")
    check('gst_heads_pause{element="dataset",reason="disk-full"} 1\n' in fetch(port, "/metrics")[1], "no pause in the metrics")
    process.terminate()
    words = process.stderr.read().decode()
    process.wait(LIMIT)
    check("nothing is stored (disk-full): make room for %s/kept" % folder in words, "it is not told: " + words)


def main():
    gst_heads = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        help_text = subprocess.run([gst_heads, "run", "--status-port=0", "nowhere"], stderr=subprocess.PIPE).stderr
        check(b"nowhere" in help_text, "options not understood")
        test_manager(gst_heads, folder)
        if "--without-page" in sys.argv:
            print("SKIP: no libsoup in this build, so no status page")
            sys.exit(77)
        test_pages(gst_heads, folder)
        test_camera(gst_heads, folder, sys.argv[2])
        if "--without-dataset" not in sys.argv:
            test_pause(gst_heads, folder)
    print("all as expected")


main()
