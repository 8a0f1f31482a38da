"""Views, records, labels and scores of transit candidates; numpy, scipy and onnxruntime only."""
