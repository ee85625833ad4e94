"""Rule files for a person to finish: drafted from MIBs, or from what other systems know of notifications. Nothing of theirs is ever run."""
