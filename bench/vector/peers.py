#!/usr/bin/env python3
"""Faiss and usearch, behind the commands that main.c explains.

    peers.py ENGINE NAME DIMENSION SECONDS

They are asked for all queries in one call, so that Python is not what is measured; so there are no latencies.
Engines: faiss-hnsw and usearch, 32-bit floats, with the parameters of the other graphs; faiss-ivf, lists with 4-bit
codes, trained on a sample of the base, of which effort / 4 are looked at, effort / 2 candidates an answer compared again
with the floats; faiss-flat, comparing with everything.
"""
import json
import math
import resource
import sys
import time

import numpy

K, TRUTH, LINKS, EFFORT_BUILD, TRAINED = 10, 100, 16, 200, 40000
WARM = 200
ROUNDING = 1e-5


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident():
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def passing(count, percent):
    """What vector_passes says of each label."""
    with numpy.errstate(over="ignore"):
        x = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(0x9e3779b97f4a7c15)
        x = (x ^ x >> numpy.uint64(30)) * numpy.uint64(0xbf58476d1ce4e5b9)
        x = (x ^ x >> numpy.uint64(27)) * numpy.uint64(0x94d049bb133111eb)
        x ^= x >> numpy.uint64(31)
    return x % numpy.uint64(100) < percent


# ---- Engines -------------------------------------------------------------------------------------


class Faiss:
    def __init__(self, kind, base):
        import faiss
        self.faiss, self.kind, self.base = faiss, kind, base
        self.index, self.selector = None, None

    def build(self, threads):
        faiss, dimension = self.faiss, self.base.shape[1]
        faiss.omp_set_num_threads(threads)
        inner = faiss.METRIC_INNER_PRODUCT
        if self.kind == "faiss-hnsw":
            self.index = faiss.IndexHNSWFlat(dimension, LINKS, inner)
            self.index.hnsw.efConstruction = EFFORT_BUILD
        elif self.kind == "faiss-ivf":
            lists = 2 ** round(math.log2(4 * math.sqrt(len(self.base))))
            self.index = faiss.index_factory(dimension, f"IVF{lists},PQ{dimension // 2}x4fs,RFlat", inner)
            self.index.train(self.base[::max(1, len(self.base) // TRAINED)])
        else:
            self.index = faiss.IndexFlatIP(dimension)
        self.index.add(self.base)

    def search(self, queries, effort, threads, mask=None):
        faiss = self.faiss
        faiss.omp_set_num_threads(threads)
        if self.kind == "faiss-flat":  # one by one: a batch is a product of matrices
            return numpy.concatenate([self.index.search(query[None], K)[1] for query in queries])
        if self.kind == "faiss-ivf":
            faiss.extract_index_ivf(self.index.base_index).nprobe = max(1, effort // 4)
            self.index.k_factor = max(1, effort / 2 / K)
            return self.index.search(queries, K)[1]
        parameters = faiss.SearchParametersHNSW(efSearch=effort)
        if mask is not None:
            bits = numpy.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            parameters = faiss.SearchParametersHNSW(efSearch=effort, sel=selector)
        return self.index.search(queries, K, params=parameters)[1]


class Usearch:
    def __init__(self, base):
        self.base, self.index = base, None

    def build(self, threads):
        from usearch.index import Index
        self.index = Index(ndim=self.base.shape[1], metric="ip", dtype="f32", connectivity=LINKS,
                           expansion_add=EFFORT_BUILD)
        self.index.add(numpy.arange(len(self.base)), self.base, threads=threads)

    def search(self, queries, effort, threads, mask=None):
        self.index.expansion_search = effort
        return self.index.search(queries, K, threads=threads).keys.astype(numpy.int64)


# ---- Commands ------------------------------------------------------------------------------------


class Bench:
    def __init__(self, engine, name, dimension, seconds):
        self.name, self.seconds = name, seconds
        self.base = numpy.fromfile(f"{name}.base.f32", numpy.float32).reshape(-1, dimension)
        self.queries = numpy.fromfile(f"{name}.query.f32", numpy.float32).reshape(-1, dimension)
        self.engine = Usearch(self.base) if engine == "usearch" else Faiss(engine, self.base)

    def least(self, percent):
        """The product of each query with the last that belongs to its answer."""
        what, width = ("truth", TRUTH) if percent == 0 else (f"truth.{percent}", K)
        last = numpy.fromfile(f"{self.name}.{what}.i32", numpy.int32).reshape(-1, width)[:, K - 1]
        return numpy.einsum("ij,ij->i", self.base[last], self.queries)

    def recall(self, found, percent):
        mask = passing(len(self.base), percent) if percent else numpy.ones(len(self.base), bool)
        least, hits = self.least(percent), 0
        for i, labels in enumerate(found):
            labels = numpy.unique(labels[(labels >= 0) & (labels < len(self.base))])
            labels = labels[mask[labels]]
            hits += int((self.base[labels] @ self.queries[i] >= least[i] - ROUNDING).sum())
        return hits / (K * len(self.queries))

    def build(self, threads):
        self.engine.index = None
        self.resident, cpu, start = resident(), cpu_seconds(), time.monotonic()
        self.engine.build(threads)
        return {"seconds": time.monotonic() - start, "cpu_s": cpu_seconds() - cpu,
                "count": len(self.base), "bytes": 0}

    def search(self, effort, threads, percent=0):
        mask = passing(len(self.base), percent) if percent else None
        found = self.engine.search(self.queries[:WARM], effort, threads, mask)
        passes, cpu, start = 0, cpu_seconds(), time.monotonic()
        while passes == 0 or time.monotonic() - start < self.seconds:
            found = self.engine.search(self.queries, effort, threads, mask)
            passes += 1
        took, cpu = time.monotonic() - start, cpu_seconds() - cpu
        count = passes * len(self.queries)
        taken = resident() - self.resident
        return {"recall": self.recall(found, percent), "rate": count / took, "cpu_us": cpu * 1e6 / count,
                "resident": taken}

    def obey(self, words):
        if words[0] == "build":
            return self.build(int(words[1]))
        if words[0] == "search":
            return self.search(int(words[1]), int(words[2]))
        if words[0] == "filter":
            return self.search(int(words[1]), 1, int(words[2]))
        return self.search(K, 1)  # exact


def main():
    bench = Bench(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    for line in sys.stdin:
        print(json.dumps(bench.obey(line.split())), flush=True)


if __name__ == "__main__":
    main()
