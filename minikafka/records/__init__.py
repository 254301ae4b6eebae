"""Record batch bytes: header view, CRC, records, compression. Knows no log and no request."""
