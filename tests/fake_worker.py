"""Runs nothing: says and keeps what the run of a plan would, as fast or as slowly as a test wants it to.

Called as the worker of a run is: with its folder and the words of a command. `--set=fake.steps=…` says how many steps
it takes, `fake.pause` how long each [s], `fake.end` how it ends.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from allocate.serve.alive import Lock
from allocate.serve.worker import ALIVE, ENDED, now, put

STAGES = ("must", "cost", "travel")


def main() -> int:
    folder, words = Path(sys.argv[1]), sys.argv[2:]
    told = dict(word.removeprefix("--set=fake.").split("=", 1) for word in words if word.startswith("--set=fake."))
    steps, pause, end = int(told.get("steps", 3)), float(told.get("pause", 0.02)), told.get("end", "well")
    alive = Lock(folder / ALIVE)
    assert alive.take()
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
    if end == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "words.json").write_text(json.dumps([words, os.environ["ALLOCATE_LANGUAGE"], str(Path.cwd())]))
    out = next((word.removeprefix("--out=") for word in words if word.startswith("--out=")), "")
    print(f"开始 {words[0]}", flush=True)
    with (folder / "events.jsonl").open("a", encoding="utf-8") as events:

        def say(**said: object) -> None:
            events.write(json.dumps(said) + "\n")
            events.flush()

        for step in range(steps):
            value, bound = 1000.0 + 500 / (step + 1), 900.0 + 100 * step / steps
            say(
                seconds=step * pause, phase="stages", stage=STAGES[min(2, 3 * step // steps)], incumbent=value,
                bound=bound, gap=(value - bound) / value, people={"2027": 20_000 + step},
            )  # fmt: skip
            put(folder / "kept.json", {"kind": "kept", "step": step})
            if end == "slow" or not stopped:
                time.sleep(pause)
            if stopped and end != "slow":
                break
        if end == "fault":
            print("allocate: 模型有 1 处问题：\n  * tiny.toml · rules.x: 没有这个键", file=sys.stderr)
            return 2
        if end == "no plan":
            print("allocate: 没有方案", file=sys.stderr)
            return 3
        if end == "silent":
            return 2
        if end.startswith("signal "):
            os.kill(os.getpid(), int(end.removeprefix("signal ")))
        if out and words[0] == "plan":
            Path(out).mkdir(parents=True, exist_ok=True)
            (Path(out) / "plan.json").write_text("{}")
        elif out:
            Path(out).mkdir(parents=True, exist_ok=True)
            (Path(out) / f"{words[0]}.html").write_text("<!doctype html><title>x</title><p>answer")
        proof = [{"stage": stage, "incumbent": 1000.0, "bound": 999.0, "gap": 0.001} for stage in STAGES]
        say(seconds=steps * pause, phase="files", done=1, count=1, proof=proof, stopped=bool(stopped))
    print("依据 一项假定\n没有错误。", flush=True)
    return 0


if __name__ == "__main__":
    code = main()
    put(Path(sys.argv[1]) / ENDED, {"code": code, "ended": now()})
    sys.exit(code)
