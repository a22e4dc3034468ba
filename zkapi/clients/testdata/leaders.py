# Takes part in an election by kazoo's recipe, says when it leads, who leads when it is asked to by the
# word leader, and gives up when it is told to resign.
import sys
import threading

from kazoo.client import KazooClient

path, hosts = sys.argv[-2:]
z = KazooClient(hosts=hosts, timeout=10)
z.start(20)
election = z.Election(path, "kazoo")
resigned = threading.Event()


def lead():
    print("leads", flush=True)
    resigned.wait()


candidate = threading.Thread(target=election.run, args=(lead,), daemon=True)
candidate.start()
for word in sys.stdin:
    if word.strip() == "leader":
        print(election.contenders()[0], flush=True)
        continue
    resigned.set()
    candidate.join()
    z.stop()
    print("gone", flush=True)
    sys.exit(0)
