"""The workload of benches/traffic.rs in SimPy: a hundred pods replaced ten at a time, round robin.

Usage: python3 rollout_simpy.py [REQUESTS_PER_S] [SECONDS]     (needs `pip install simpy`)
Prints requests, answered, refused, cut, and microseconds of processor time per request.
"""

import random
import sys
import time

import simpy

RATE = float(sys.argv[1]) if len(sys.argv) > 1 else 10_000.0
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
PODS, SERVICE_S, PERIOD_S = 100, 0.05, 30.0


class Pod:
    def __init__(self, cut_at):
        self.cut_at = cut_at


class Balancer:
    def __init__(self, env, rng):
        self.env, self.rng = env, rng
        self.listed, self.cursor = [], 0
        self.sent = self.answered = self.refused = self.cut = 0

    def pick(self):
        self.cursor = (self.cursor + 1) % len(self.listed)
        return self.listed[self.cursor]

    def request(self):
        pod = self.pick()
        if self.env.now >= pod.cut_at:
            self.refused += 1
            return
        done = self.env.now + self.rng.expovariate(1.0 / SERVICE_S)
        yield self.env.timeout(min(done, pod.cut_at) - self.env.now)
        if done > pod.cut_at:
            self.cut += 1
        else:
            self.answered += 1

    def arrivals(self):
        while True:
            yield self.env.timeout(self.rng.expovariate(RATE))
            self.sent += 1
            self.env.process(self.request())

    def replace(self, pod, begin):
        """A new pod joins; half a second after the old one is deleted its process exits."""
        yield self.env.timeout(begin)
        self.listed.append(Pod(float("inf")))
        deleted = begin + 5.0 + 0.5 * self.rng.random()
        pod.cut_at = deleted + 0.5
        yield self.env.timeout(deleted + 0.1 + 0.9 * self.rng.random() - self.env.now)
        self.listed.remove(pod)


def main():
    env, rng = simpy.Environment(), random.Random(1)
    balancer = Balancer(env, rng)
    balancer.listed = [Pod(float("inf")) for _ in range(PODS)]
    for i, pod in enumerate(list(balancer.listed)):
        env.process(balancer.replace(pod, 30.0 + PERIOD_S * (i // 10)))
    env.process(balancer.arrivals())
    before = time.process_time()
    env.run(until=SECONDS)
    spent = time.process_time() - before
    b = balancer
    print(f"simpy: {b.sent} sent, {b.answered} answered, {b.refused} refused, {b.cut} cut, "
          f"{spent / b.sent * 1e6:.2f} us/request")


main()
