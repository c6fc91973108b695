"""What came out: metrics, intervals, test-time augmentation. Never imports torch."""
