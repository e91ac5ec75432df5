#!/bin/bash
# Train the bundled weights again, in the database that PGDATABASE and its kin
# name, from a directory with full256/ and crop512/, each with images/ and
# masks/.
#
#   models/train.sh directory [architecture]...
#
# Takes hours. When it is interrupted, the same call goes on. Weights, in bf16,
# go to models/NAME.safetensors, and their model card to models/NAME.md.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=${1:?usage: models/train.sh directory [architecture]...}
shift
[ $# -gt 0 ] || set -- unet linknet convmixer maskrcnn
sql=(psql -Xq -v ON_ERROR_STOP=1)

if [ "$("${sql[@]}" -Atc "SELECT to_regclass('both_folders') IS NULL")" = t ]; then
	"${sql[@]}" <<-'SQL'
		CREATE EXTENSION IF NOT EXISTS lesionseg;
		CREATE TABLE pairs (id text PRIMARY KEY, image bytea, mask bytea);
		CREATE TABLE both_folders (folder text, id text, image bytea, mask bytea, PRIMARY KEY (folder, id));
		CREATE VIEW whole_frames AS SELECT id, image, mask FROM both_folders WHERE folder = 'full256';
	SQL
	for folder in full256 crop512; do
		src/files/lesionseg-files load "$directory/$folder" pairs
		"${sql[@]}" -c "INSERT INTO both_folders SELECT '$folder', * FROM pairs" -c 'TRUNCATE pairs'
	done
	"${sql[@]}" -c 'DROP TABLE pairs'
fi

# The stages of an architecture's training, one line each: epochs, image size,
# batch size, learning rate, config, augment, options. The first starts from
# nothing, the next from what the one before it made. Small images first,
# because most is learned from them and they take half the time. What a
# degradation takes away is harder to do without than what it adds, so these
# come more often; in the last stages, those that cost the network most. Their last
# epoch counts: validation images are not degraded, and the best on them would
# be the first.
recipe() {
	local often='{"degrade":0.6,"blur":2,"jpeg":3,"low_resolution":3,"motion_blur":3}'
	local last='{"keep_last":true}'
	case $1 in
	unet) printf '%s\n' '36 192 32 1.5e-3 {"base":16} '"$often" '8 256 32 5e-4 {"base":16} '"$often" \
		'8 256 32 6e-4 {"base":16} {"degrade":0.6,"blur":2,"bubbles":2,"colour_cast":2,"jpeg":3,"low_contrast":3,"low_resolution":2,"motion_blur":2,"uneven_light":3} '$last \
		'8 256 32 6e-4 {"base":16} {"degrade":0.7,"blur":4,"bubbles":2,"colour_cast":2,"jpeg":6,"low_resolution":2,"motion_blur":4,"ruler_ink":2} '$last \
		'5 256 32 6e-4 {"base":16} {"degrade":0.7,"blur":4,"bubbles":5,"colour_cast":3,"jpeg":4,"low_contrast":6,"low_resolution":2,"motion_blur":4,"ruler_ink":2} '$last ;;
	linknet) printf '%s\n' '48 192 32 1.5e-3 {} {}' '12 256 32 5e-4 {} {}' \
		'10 256 32 6e-4 {} {"degrade":0.6,"blur":2,"bubbles":4,"jpeg":4,"low_contrast":2,"low_resolution":2,"motion_blur":3} '$last \
		'6 256 32 5e-4 {} {"degrade":0.6,"blur":3,"bubbles":2,"jpeg":5,"low_resolution":2,"motion_blur":5} '$last \
		'8 256 32 8e-4 {} {"degrade":0.7,"blur":2,"bubbles":5,"jpeg":6,"low_resolution":2,"motion_blur":3,"ruler_ink":2} '$last \
		'8 256 32 7e-4 {} {"degrade":0.7,"blur":3,"bubbles":6,"jpeg":6,"low_contrast":3,"low_resolution":2,"motion_blur":4,"ruler_ink":2} '$last \
		'6 256 32 6e-4 {} {"degrade":0.7,"blur":3,"bubbles":10,"jpeg":6,"low_resolution":2,"motion_blur":4,"ruler_ink":2} '$last ;;
	convmixer) printf '%s\n' '12 192 32 1.5e-3 {} '"$often" \
		'10 192 32 1e-3 {} {"degrade":0.6,"blur":2,"bubbles":4,"colour_cast":3,"darkness":2,"jpeg":3,"low_resolution":2,"motion_blur":2,"uneven_light":4} '$last \
		'8 192 32 1.2e-3 {} {"degrade":0.7,"blur":2,"bubbles":5,"colour_cast":2,"jpeg":7,"low_contrast":4,"low_resolution":2,"motion_blur":2} '$last \
		'8 192 32 1e-3 {} {"degrade":0.7,"blur":2,"bubbles":10,"colour_cast":2,"jpeg":8,"low_resolution":2,"motion_blur":2,"ruler_ink":4} '$last \
		'12 192 32 1.5e-3 {} {"degrade":0.8,"blur":2,"bubbles":9,"colour_cast":2,"darkness":3,"jpeg":9,"low_contrast":2,"low_resolution":2,"motion_blur":2,"ruler_ink":3,"uneven_light":5} '$last ;;
	maskrcnn) printf '%s\n' '12 256 16 4e-4 {} '"$often" '6 256 16 3e-4 {} {"bubbles":5,"low_resolution":2,"motion_blur":4} '$last \
		'14 256 16 4e-4 {} {"degrade":0.6,"blur":3,"bubbles":2,"jpeg":3,"low_resolution":2,"motion_blur":5} '$last \
		'5 256 16 3e-4 {} {"degrade":0.6,"blur":3,"bubbles":8,"jpeg":3,"low_resolution":2,"motion_blur":4} '$last \
		'8 256 16 4e-4 {} {"degrade":0.7,"blur":2,"bubbles":7,"hair":2,"jpeg":7,"low_contrast":3,"motion_blur":3,"ruler_ink":5,"uneven_light":3} '$last \
		'6 256 16 4e-4 {} {"degrade":0.7,"blur":9,"bubbles":6,"jpeg":7,"low_resolution":2,"motion_blur":8,"ruler_ink":3,"uneven_light":2} '$last ;;
	*)
		echo "models/train.sh: no recipe for $1" >&2
		return 1
		;;
	esac
}

for model; do
	recipe "$model" >/dev/null
	finished=$("${sql[@]}" -Atc "SELECT count(*) FROM lesion_runs WHERE model = '$model' AND state = 'finished'")
	init=
	stage=0
	while read -r epochs image_size batch_size learning_rate config augment options; do
		stage=$((stage + 1))
		[ $stage -le "$finished" ] || "${sql[@]}" -v model="$model" -v epochs="$epochs" -v image_size="$image_size" \
			-v batch_size="$batch_size" -v learning_rate="$learning_rate" -v config="$config" -v augment="$augment" -v options="${options:-{\}}" \
			-v init="$init" -f models/train.sql </dev/null
		init=$model
	done < <(recipe "$model")
	models/publish "$model" whole_frames models 338
done
