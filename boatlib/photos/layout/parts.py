"""What people call the parts of a set that comes divided."""

TRAIN, VAL, TEST = "train", "val", "test"
NAMES = {
    "train": TRAIN, "training": TRAIN, "trn": TRAIN, "train_set": TRAIN, "trainset": TRAIN,
    "val": VAL, "valid": VAL, "validation": VAL, "dev": VAL, "val_set": VAL,
    "test": TEST, "testing": TEST, "holdout": TEST, "hold-out": TEST, "hold_out": TEST, "test_set": TEST, "testset": TEST,
}  # fmt: skip


def part_of(name: str) -> str:
    """The part that a folder, a file or a word in a table is called after: train, val or test; "" for none."""
    return NAMES.get(name.strip().lower(), "")
