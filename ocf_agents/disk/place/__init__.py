"""Where something is mounted: the way to it and the folder itself, walked by descriptors."""
