#!/bin/bash
# Train the bundled weights again, in the database that PGDATABASE and its kin
# name.
#
#   models/train.sh isic ham [architecture]...
#
# `isic` has full256/ and crop512/, `ham` has HAM10000 with its images.csv; all
# three have images/ and masks/. One run per network, from nothing: some two
# hours each on two cores with AMX, six without. When it is interrupted, the same
# call goes on from the last epoch. Weights, in bf16, go to
# models/NAME.safetensors, and their model card to models/NAME.md.
# docs/training-run.md says where the recipe comes from.
set -euo pipefail
cd "$(dirname "$0")/.."
isic=${1:?usage: models/train.sh isic ham [architecture]...}
ham=${2:?usage: models/train.sh isic ham [architecture]...}
shift 2
[ $# -gt 0 ] || set -- unet linknet convmixer maskrcnn
sql=(psql -Xq -v ON_ERROR_STOP=1)

# A photograph of ISIC is a lesion of its own; of HAM10000, images.csv knows
# the lesion. ISIC is a quarter of the images and counts twice.
if [ "$("${sql[@]}" -Atc "SELECT to_regclass('pictures') IS NULL")" = t ]; then
	"${sql[@]}" <<-'SQL'
		CREATE EXTENSION IF NOT EXISTS lesionseg;
		CREATE TABLE IF NOT EXISTS pairs (id text PRIMARY KEY, image bytea, mask bytea);
		CREATE TABLE IF NOT EXISTS patients (id text PRIMARY KEY, lesion text, diagnosis text, confirmed_by text, age float8,
			sex text, site text);
		TRUNCATE pairs, patients;
	SQL
	"${sql[@]}" -c '\copy patients FROM '"'$ham/images.csv'"' (FORMAT csv, HEADER)'
	src/files/lesionseg-files load "$ham" pairs
	"${sql[@]}" -c 'CREATE TABLE loaded AS SELECT text '"'ham'"' AS source, * FROM pairs' -c 'TRUNCATE pairs'
	for folder in full256 crop512; do
		src/files/lesionseg-files load "$isic/$folder" pairs
		"${sql[@]}" -c "INSERT INTO loaded SELECT '$folder', * FROM pairs" -c 'TRUNCATE pairs'
	done
	"${sql[@]}" --single-transaction <<-'SQL'
		CREATE TABLE pictures (source text, id text, lesion text NOT NULL, weight float8 NOT NULL, image bytea, mask bytea,
			PRIMARY KEY (source, id));
		INSERT INTO pictures
		SELECT source, id, coalesce(lesion, id), CASE source WHEN 'ham' THEN 1 ELSE 2 END, image, mask
		FROM loaded LEFT JOIN patients USING (id);
		CREATE VIEW whole_frames AS SELECT id, lesion, image, mask FROM pictures WHERE source = 'full256';
		CREATE VIEW ham AS
		SELECT id, p.lesion, image, mask, diagnosis, age, sex, site
		FROM pictures AS p JOIN patients USING (id) WHERE source = 'ham';
		DROP TABLE loaded, pairs;
	SQL
fi

# The recipe of an architecture: epochs, image size, batch size, learning rate,
# config. What a degradation takes away is harder to do without than what it
# adds, so these kinds come more often.
augment='{"degrade":0.6,"blur":3,"bubbles":2,"jpeg":3,"low_resolution":3,"motion_blur":2}'
recipe() {
	case $1 in
	unet) echo '40 256 16 1.1e-3 {"base":16}' ;;
	linknet) echo '40 256 16 1.1e-3 {}' ;;
	convmixer) echo '20 192 16 1.1e-3 {}' ;;
	maskrcnn) echo '30 256 16 4e-4 {}' ;;
	*)
		echo "models/train.sh: no recipe for $1" >&2
		return 1
		;;
	esac
}

for model; do
	read -r epochs image_size batch_size learning_rate config < <(recipe "$model")
	if [ "$("${sql[@]}" -Atc "SELECT count(*) FROM lesion_runs WHERE model = '$model' AND state = 'finished'")" = 0 ]; then
		"${sql[@]}" -v model="$model" -v epochs="$epochs" -v image_size="$image_size" -v batch_size="$batch_size" \
			-v learning_rate="$learning_rate" -v config="$config" -v augment="$augment" -f models/train.sql
	fi
	models/publish "$model" whole_frames models 338
done
