-- The tables of lesionseg-pacs: what was pulled from the PACS, what was sent.
--
--   psql -f "$(pg_config --sharedir)/extension/lesionseg/pacs.sql"
--
-- They belong to whoever runs this, not to the extension: pg_dump keeps them
-- with their rows, and DROP EXTENSION leaves them. Run it again after an
-- update: what is there stays. A table that another role made here is an
-- error: its triggers would run with the rights of lesionseg-pacs. So is a
-- schema of another role, which could put other tables into the place of these.
\set lesion_stop :ON_ERROR_STOP
\set ON_ERROR_STOP on

-- The owner of the database is trusted with its schemas, as one who may change all of it.
DO $$
DECLARE
	other record;
BEGIN
	SELECT n.nspname AS name, o.rolname AS owner INTO other
	FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
		JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
	WHERE n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema() AND NOT o.rolsuper
		AND o.oid OPERATOR(pg_catalog.<>) d.datdba AND o.rolname OPERATOR(pg_catalog.<>) 'pg_database_owner'
		AND o.rolname OPERATOR(pg_catalog.<>) CURRENT_USER;
	IF FOUND THEN
		RAISE 'schema "%" belongs to role "%", and this script is run by "%"', other.name, other.owner, CURRENT_USER
			USING ERRCODE = '42501', HINT = 'Its owner could put other tables into the place of these, and their '
				'triggers would run with the rights of lesionseg-pacs: name another schema in search_path.';
	END IF;
END $$;

-- One image of the PACS. lesion_train and lesion_predict take this table as it
-- stands: id, image, mask.
CREATE TABLE IF NOT EXISTS lesion_pacs_instance (
	id text PRIMARY KEY,
	series text NOT NULL,
	study text NOT NULL,
	patient text,
	sop_class text NOT NULL,
	image bytea NOT NULL,
	mask bytea,
	mask_from text,
	pulled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE lesion_pacs_instance IS 'images pulled from the PACS';
COMMENT ON COLUMN lesion_pacs_instance.id IS 'SOPInstanceUID';
COMMENT ON COLUMN lesion_pacs_instance.image IS 'the DICOM file, byte for byte';
COMMENT ON COLUMN lesion_pacs_instance.mask IS 'what a person drew, as PNG: the truth for lesion_train';
COMMENT ON COLUMN lesion_pacs_instance.mask_from IS 'the segmentation that the mask is from: lesion_pacs_mask.id';
-- DICOM files are compressed, or noise that nothing compresses.
ALTER TABLE lesion_pacs_instance ALTER COLUMN image SET STORAGE EXTERNAL;

-- What lesion_predict makes of them.
-- The type is that of the extension, whatever another role calls so.
SELECT coalesce((SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
	JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
	WHERE e.extname OPERATOR(pg_catalog.=) 'lesionseg'), 'public') AS lesion_schema \gset
CREATE TABLE IF NOT EXISTS lesion_pacs_prediction (LIKE :lesion_schema.lesion_prediction,
	PRIMARY KEY (id, model, version));
COMMENT ON TABLE lesion_pacs_prediction IS 'masks of lesion_pacs_instance, to be sent to the PACS';

-- What was made of an image and sent. A row is written before its object is:
-- one that says 'sending' is left of a run that was killed, or of an answer
-- that does not name it (error says so), and the next one asks the PACS whether
-- the object arrived.
CREATE TABLE IF NOT EXISTS lesion_pacs_object (
	image_id text NOT NULL,
	model text NOT NULL,
	version int NOT NULL,
	kind text NOT NULL CHECK (kind IN ('seg', 'picture', 'report')),
	state text NOT NULL CHECK (state IN ('sending', 'sent', 'failed')),
	sop_instance text,
	series text,
	study text,
	error text,
	changed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (image_id, model, version, kind)
);
-- A table that was made before the column was gets it here.
ALTER TABLE lesion_pacs_object ADD COLUMN IF NOT EXISTS tried_rows numeric;
CREATE INDEX IF NOT EXISTS lesion_pacs_object_series ON lesion_pacs_object (series);
CREATE INDEX IF NOT EXISTS lesion_pacs_object_instance ON lesion_pacs_object (sop_instance);
COMMENT ON TABLE lesion_pacs_object IS 'segmentations, pictures and reports that were sent to the PACS';
COMMENT ON COLUMN lesion_pacs_object.image_id IS 'lesion_pacs_instance.id';
COMMENT ON COLUMN lesion_pacs_object.state IS 'sending (or left of a run before), sent, or failed: error says why';
COMMENT ON COLUMN lesion_pacs_object.tried_rows IS
	'a number that follows from the rows of the mask when it was tried: what failed is tried again with other rows';

-- Segmentations that others drew on an image of ours.
CREATE TABLE IF NOT EXISTS lesion_pacs_mask (
	id text PRIMARY KEY,
	image_id text,
	series text NOT NULL,
	study text NOT NULL,
	dicom bytea NOT NULL,
	drawn_at timestamp,
	error text,
	pulled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS lesion_pacs_mask_image ON lesion_pacs_mask (image_id);
COMMENT ON TABLE lesion_pacs_mask IS 'segmentations of others, pulled by pull --masks';
COMMENT ON COLUMN lesion_pacs_mask.id IS 'SOPInstanceUID';
COMMENT ON COLUMN lesion_pacs_mask.image_id IS 'lesion_pacs_instance.id; NULL where it was drawn on none of them';
COMMENT ON COLUMN lesion_pacs_mask.error IS 'why there is no mask of it';

-- Studies that were gone through: as long as the PACS says the same number of
-- instances, there is nothing new in them.
CREATE TABLE IF NOT EXISTS lesion_pacs_study (
	study text,
	wanted text,
	instances bigint NOT NULL,
	PRIMARY KEY (study, wanted)
);
COMMENT ON TABLE lesion_pacs_study IS 'studies that were gone through, with the number of their instances at that time';
COMMENT ON COLUMN lesion_pacs_study.wanted IS 'the SOP classes that were looked for';

DO $$
DECLARE
	other record;
BEGIN
	SELECT c.relname AS made, pg_catalog.pg_get_userbyid(c.relowner) AS owner INTO other
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = pg_catalog.current_schema()
		AND c.relowner OPERATOR(pg_catalog.<>) CURRENT_USER::pg_catalog.regrole::pg_catalog.oid
		AND c.relname IN ('lesion_pacs_instance', 'lesion_pacs_prediction', 'lesion_pacs_object', 'lesion_pacs_mask',
			'lesion_pacs_study')
	ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE 'table "%" belongs to role "%", and this script is run by "%"', other.made, other.owner, CURRENT_USER
			USING ERRCODE = '42501', HINT = 'If you made it as that role, run the script as that role again. '
				'Else somebody put it here, and its triggers would run with the rights of lesionseg-pacs: drop it.';
	END IF;
END $$;

\set ON_ERROR_STOP :lesion_stop
\unset lesion_stop
\unset lesion_schema
