"""Parts of hpo alone, as programs like the peers."""
