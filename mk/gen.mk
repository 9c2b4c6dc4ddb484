# Files made by scripts from other files; GENERATED is what the core includes.
GENERATED :=
