#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""soak.py GST_HEADS HLS_ORIGIN [MINUTES [SEED]]: a live camera for a long time, twenty times as fast as in use, with an
origin that fails at random, and a dataset that keeps every frame. One line every half minute. It is sound when

- after every fault frames come again within 8 seconds of its end;
- every frame that came is in the dataset, or told to be one that it has, and "dataset verify" finds it whole;
- memory, files and threads in the last tenth of the time (medians) are at most 16 MB, 4 and 4 above the second tenth's;
- a minute of the camera, which is six frames, takes at most half a second of a processor, all retries included.

In use a frame is taken every ten seconds of 1080p30 in segments of five. Here such segments come every half second, and
a frame is taken of each; so a minute of the clock is twenty of the camera."""
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

FAULTS = {"playlist": (403, 404, 429, 500, 503), "segment": (403, 404, 503), "html": (1,), "empty": (1,), "none": (1,),
          "frozen": (1,), "hang": (1,), "trickle": (1,), "truncate": (1,), "garbage": (1,), "down": (1,),
          "missing": (1, 2), "jump": (5, 60)}
SEGMENTS = """videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=8 num-buffers=1800
  ! video/x-raw,format=I420,width=1920,height=1080,framerate=30/1
  ! x264enc speed-preset=ultrafast bitrate=3500 key-int-max=150 option-string="scenecut=0:min-keyint=150" ! h264parse
  ! splitmuxsink muxer=mpegtsmux max-size-time=4900000000 location="%s/%%d.ts"
"""
PIPELINE = """live-src name=camera uri=http://127.0.0.1:%d/master.m3u8 interval=500000000 timeout=3000000000
  retry-min=50000000 retry-max=3000000000 request-timeout=1000000000
  ! dataset-sink name=dataset location="%s" min-free=0 ! fakesink name=frames sync=false async=false
"""
# A fault has to be over so many seconds after it ends: a twentieth of a minute, and what the machine adds.
RECOVERY = 8
# Megabytes, files and threads that may be more at the end.
SLACK = {"rss": 16, "files": 4, "threads": 4}
FRAMES_A_MINUTE = 6             # of the camera
CPU_LIMIT = 0.5                 # seconds for so many


def get(port, path):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=10) as answer:
        return answer.read().decode()


def metrics(port):
    text = get(port, "/metrics")
    number = lambda name: float(re.search("^%s (.*)$" % re.escape(name), text, re.M)[1])
    return {"frames": number('gst_heads_frames_total{sink="frames"}'),
            "rss": number("process_resident_memory_bytes") / 1e6,
            "files": number("process_open_fds"), "threads": number("process_threads"),
            "cpu": number("process_cpu_seconds_total"), "sent": number('gst_live_src_frames_total{element="camera"}'),
            "dropped": number('gst_live_src_dropped_total{element="camera"}'),
            **{"dataset-" + what: number('gst_dataset_sink_%s_total{element="dataset"}' % what)
               for what in ("stored", "duplicates", "dropped", "failed")}}


def set_fault(origin_port, origin, name, value):
    """The origin that is down cannot be told to come up: that is what its process is for."""
    get(origin_port, "/control?%s=%g" % (name, value))


def make_segments(program, folder):
    path = os.path.join(folder, "segments.pipeline")
    with open(path, "w") as f:
        f.write(SEGMENTS % folder)
    if subprocess.run([program, "run", "--quiet", path], stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit("the segments cannot be made: is gstreamer1.0-plugins-ugly installed?")


def start_origin(program, folder, port=0):
    process = subprocess.Popen([program, folder, "0.5", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    line = process.stdout.readline()
    if not line:
        sys.exit(process.wait() or 1)
    return process, int(line)


def start_run(program, folder, origin_port):
    path = os.path.join(folder, "soak.pipeline")
    with open(path, "w") as f:
        f.write(PIPELINE % (origin_port, os.path.join(folder, "set")))
    run = subprocess.Popen([program, "run", "--status-port=0", path], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    while True:
        line = run.stderr.readline().decode()
        if not line:
            sys.exit("gst-heads run does not start")
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if match:
            break
    log = open(os.path.join(folder, "run.log"), "wb")
    subprocess.Popen(["cat"], stdin=run.stderr, stdout=log)
    return run, int(match[1])


def await_frames(port, least, limit):
    end = time.monotonic() + limit
    first = metrics(port)["frames"]
    while time.monotonic() < end:
        if metrics(port)["frames"] >= first + least:
            return True
        time.sleep(0.1)
    return False


def one_fault(chance, program, folder, origin, port, origin_port):
    name = chance.choice(list(FAULTS))
    value, seconds = chance.choice(FAULTS[name]), chance.uniform(0.5, 6)
    if name == "down":
        origin.stdin.close()
        origin.wait()
        time.sleep(seconds)
        origin, _ = start_origin(program, folder, origin_port)
    else:
        set_fault(origin_port, origin, name, value)
        time.sleep(seconds)
        if name != "jump":
            set_fault(origin_port, origin, name, 0)
    return name, origin, await_frames(port, 2, RECOVERY)


def flat(samples, key):
    """The last tenth's median beside that of a tenth after the warm-up."""
    tenth = max(1, len(samples) // 10)
    early = statistics.median(s[key] for s in samples[tenth:2 * tenth])
    late = statistics.median(s[key] for s in samples[-tenth:])
    print("%-8s %8.1f -> %8.1f" % (key, early, late))
    return late <= early + SLACK[key]


def settle(origin_port, origin, port):
    """Once the camera stands still everything that came has been kept."""
    set_fault(origin_port, origin, "frozen", 1)
    last = metrics(port)
    while True:
        time.sleep(3)
        now = metrics(port)
        if now["frames"] == last["frames"] and now["dataset-stored"] == last["dataset-stored"]:
            return now
        last = now


def count_kept(program, folder):
    """Frames in the dataset, which has to be whole."""
    for command in ("verify", "stats"):
        told = subprocess.run([program, "dataset", command, os.path.join(folder, "set")], capture_output=True,
                              text=True)
        if told.returncode != 0:
            sys.exit("FAILED: dataset %s: %s" % (command, told.stderr))
    print(told.stdout.strip())
    return int(told.stdout.split()[0])


def main():
    gst_heads, program = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 30
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    samples, faults, unmended = [], {}, []
    with tempfile.TemporaryDirectory() as folder:
        make_segments(gst_heads, folder)
        origin, origin_port = start_origin(program, folder)
        run, port = start_run(gst_heads, folder, origin_port)
        begin, said = time.monotonic(), 0
        while time.monotonic() - begin < minutes * 60:
            if run.poll() is not None:
                sys.exit("FAILED: the process ended with status %d after %.0f s, fault %s" % (
                    run.returncode, time.monotonic() - begin, faults))
            name, origin, mended = one_fault(chance, program, folder, origin, port, origin_port)
            faults[name] = faults.get(name, 0) + 1
            if not mended:
                unmended.append("%s at %.0f s" % (name, time.monotonic() - begin))
            samples.append(metrics(port))
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print("%5.0f s  %d frames  %d faults  %.0f MB  %d files  %d threads" % (
                    said - begin, samples[-1]["frames"], sum(faults.values()), samples[-1]["rss"], samples[-1]["files"],
                    samples[-1]["threads"]), flush=True)
        last = settle(origin_port, origin, port)
        run.terminate()
        status = run.wait(30)
        origin.stdin.close()
        origin.wait()
        kept = count_kept(gst_heads, folder)
        with open(os.path.join(folder, "run.log"), errors="replace") as f:
            outages = f.read().count(": no frames from ")
    print("faults:", ", ".join("%d %s" % (n, name) for name, n in sorted(faults.items())))
    cost = last["cpu"] / last["frames"] * FRAMES_A_MINUTE
    print("%d frames, %d outages told, %.2f CPU seconds a minute of the camera" % (last["frames"], outages, cost))
    sound = [flat(samples, key) for key in SLACK] + [cost <= CPU_LIMIT]
    handed = last["sent"] - last["dropped"] - last["frames"]
    print("frames fetched and not handed on: %d" % handed)
    print("frames that came: %d; kept: %d; kept already: %d; dropped: %d; failed: %d" % (
        last["frames"], kept, last["dataset-duplicates"], last["dataset-dropped"], last["dataset-failed"]))
    sound += [kept == last["dataset-stored"], kept + last["dataset-duplicates"] == last["frames"], handed == 0]
    if unmended:
        print("not mended within %d s: %s" % (RECOVERY, ", ".join(unmended)))
    sys.exit(0 if all(sound) and not unmended and status == 4 else "FAILED, status %d" % status)


main()
