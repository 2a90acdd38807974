"""What hpo is held against, each written as its own documentation shows; a program a file, run among the material."""
