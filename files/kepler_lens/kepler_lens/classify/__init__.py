"""Make views, records, labels and scores of candidates, with numpy, scipy and onnxruntime only."""
