"""Features on disk: found again, whole after a kill, shared by processes, read only where asked for."""

import os
import subprocess
import sys

import numpy as np

from boatlib.model.features.store import Features, Store


def rows(count, seed=0, width=6):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def test_what_was_kept_is_found_again(tmp_path):
    kept = rows(5)
    Store(tmp_path).append(list("abcde"), kept)
    store = Store(tmp_path)
    assert store.find(["d", "x", "a"]).tolist() == [3, -1, 0]
    np.testing.assert_array_equal(store.read(store.find(["e", "a", "e"])), kept[[4, 0, 4]])
    store.append(["a"], rows(1, seed=1))
    np.testing.assert_array_equal(Store(tmp_path).read(store.find(["a"])), rows(1, seed=1))


def test_damaged_rows_are_not_used_and_the_others_are(tmp_path):
    store = Store(tmp_path)
    store.append(list("abc"), rows(3))
    with open(tmp_path / "rows", "r+b") as file:
        os.pwrite(file.fileno(), b"\xff", 30)
    assert Store(tmp_path).find(list("abc")).tolist() == [0, -1, 2]
    os.truncate(tmp_path / "rows", 60)
    assert Store(tmp_path).find(list("abc")).tolist() == [0, -1, -1]
    store.append(["b"], rows(3)[1:2])
    assert Store(tmp_path).find(list("abc")).tolist() == [0, 3, -1]


def test_a_kill_between_the_two_files_loses_nothing_that_was_whole(tmp_path):
    Store(tmp_path).append(list("ab"), rows(2))
    with open(tmp_path / "rows", "ab") as data, open(tmp_path / "index", "ab") as index:
        data.write(b"half a row")
        index.write(b"1234abcd half a li")
    store = Store(tmp_path)
    assert store.find(list("ab")).tolist() == [0, 1]
    store.append(["c"], rows(3)[2:])
    np.testing.assert_array_equal(Store(tmp_path).read(Store(tmp_path).find(list("abc"))), rows(3))


def test_processes_append_side_by_side(tmp_path):
    code = """
import pathlib, sys, numpy
from boatlib.model.features.store import Store
store, number = Store(pathlib.Path(sys.argv[1])), int(sys.argv[2])
for k in range(200):
    store.append([f"{number}-{k}"], numpy.full((1, 50), 1000 * number + k))
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    store, names = Store(tmp_path), [(n, k) for n in range(3) for k in range(200)]
    found = store.read(store.find([f"{n}-{k}" for n, k in names]))
    assert found[:, 0].tolist() == found[:, -1].tolist() == [1000 * n + k for n, k in names]


def test_features_are_like_an_array_that_reads_what_is_asked_for(tmp_path):
    one, other = Store(tmp_path / "1"), Store(tmp_path / "2")
    left, right = rows(12, width=4), rows(12, seed=1, width=3)
    one.append(list("abcdefghijkl"), left)
    other.append(list("abcdefghijkl"), right)
    numbers = np.stack([np.arange(12), np.arange(12)], axis=1).reshape(6, 2, 2)
    features, array = Features((one, other), numbers), np.concatenate([left, right], axis=1).reshape(6, 2, 7)
    assert features.shape == array.shape
    assert len(features) == 6
    for key in (slice(1, 4), [5, 0, 0], np.s_[:, 1], np.s_[2:, :1], 3):
        np.testing.assert_array_equal(features[key], array[key])
        np.testing.assert_array_equal(features.part(key), array[key])
    np.testing.assert_array_equal(features, array)
    np.testing.assert_array_equal(list(features.rows()), array.reshape(12, 7))
    np.testing.assert_array_equal(features.part(np.s_[:2]).plus(features.part(np.s_[3:])), array[[0, 1, 3, 4, 5]])


def test_a_full_disk_is_an_error_and_leaves_what_was_there(tmp_path):
    Store(tmp_path).append(list("ab"), rows(2, width=100))
    code = """
import pathlib, resource, signal, sys, numpy
from boatlib.model.features.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
Store(pathlib.Path(sys.argv[1])).append(list("cdef"), numpy.ones((4, 100)))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "OSError: [Errno 27]" in done.stderr
    store = Store(tmp_path)
    assert store.find(list("abc")).tolist() == [0, 1, -1]
    store.append(["c"], rows(3, width=100)[2:])
    assert Store(tmp_path).find(list("abc")).tolist() == [0, 1, 2]


def test_a_damaged_index_counts_as_empty_and_is_written_anew(tmp_path):
    Store(tmp_path).append(list("ab"), rows(2))
    (tmp_path / "index").write_bytes(b"\xff\xfe nothing\nof ours\n")
    store = Store(tmp_path)
    assert store.find(list("ab")).tolist() == [-1, -1]
    store.append(["b"], rows(2)[1:])
    np.testing.assert_array_equal(Store(tmp_path).read(Store(tmp_path).find(["b"])), rows(2)[1:])
