"""Task → row of features: columns as data, text, buckets; one extractor for every use."""
