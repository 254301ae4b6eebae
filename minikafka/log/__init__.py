"""One replica's log of one partition: storage seam, segments, offsets, leader epochs."""
