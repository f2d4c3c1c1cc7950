# Sourced by what looks at changed files alone. changed_since [BASE]: sets `base`, a commit: the one named, else where
# this branch left origin/main or main, else the commit before this one. Says so and gives an empty one where there is
# none (a copy of one commit).
changed_since() {
  base=${1:-}
  local head ref
  if ! head=$(git rev-parse --verify --quiet HEAD 2>/dev/null); then
    echo "this is no git checkout, so no file counts as changed"
    base=
    return
  fi
  if [ -z "$base" ]; then
    for ref in origin/main main; do
      base=$(git merge-base HEAD "$ref" 2>/dev/null) && [ "$base" != "$head" ] && return
    done
    base=$(git rev-parse --verify --quiet HEAD~1) ||
      echo "no commit before this one is here, so no file counts as changed"
  fi
}
