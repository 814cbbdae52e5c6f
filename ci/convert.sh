#!/usr/bin/env bash
# Converts the models of a pipeline. What to do comes from the environment: REPMLP_MODELS (models or patterns, one in
# each line), REPMLP_OUT_DIR, REPMLP_STRICT (true or false), REPMLP_ARGS (further flags of convert). Reports lie beside
# the results; where GITHUB_STEP_SUMMARY names a file, what was merged goes there too.
set -uo pipefail
out=${REPMLP_OUT_DIR:-repmlp-results}
flags=(--out-dir "$out" --report "$out/{}.json" --report "$out/{}.md" --report "$out/{}.xml")
[ "${REPMLP_STRICT:-false}" = true ] && flags+=(--strict)
[ -z "${REPMLP_ARGS:-}" ] || read -r -a more <<<"$REPMLP_ARGS"
mapfile -t models < <(sed '/^[[:space:]]*$/d' <<<"${REPMLP_MODELS:?names the models}")
mkdir -p "$out" || exit 1
repmlp convert "${models[@]}" "${flags[@]}" ${more[@]+"${more[@]}"}
code=$?
[ -z "${GITHUB_OUTPUT:-}" ] || echo "out-dir=$out" >>"$GITHUB_OUTPUT"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
	for report in "$out"/*.md; do
		[ ! -e "$report" ] || { cat "$report"; echo; } >>"$GITHUB_STEP_SUMMARY"
	done
fi
exit $code
