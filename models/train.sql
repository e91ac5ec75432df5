-- How the bundled weights were trained. models/train.sh loads the images and
-- runs this for one stage of one architecture after the other:
--
--   psql -d DATABASE -v model=linknet -v epochs=48 -v image_size=192 -v batch_size=32 -v learning_rate=1.5e-3
--        -v config='{}' -v augment='{}' -v options='{}' -v init= -f models/train.sql
--
-- The table both_folders has the rows of both folders; an id that stands in
-- both is one photograph and stays in one part. Training images are degraded
-- at random, as lesion_train does unless told otherwise. Interrupted, the same
-- call goes on.
\set ON_ERROR_STOP on
CALL lesion_retrain('both_folders', :'model', epochs => :epochs, id_column => 'id', image_size => :image_size,
	batch_size => :batch_size, learning_rate => :learning_rate, config => :'config', augment => :'augment', options => :'options', init => nullif(:'init', ''),
	promote => 'always');

-- Whole frames are what an archive holds: the test part of these is what
-- counts.
SELECT n, dice, jaccard, threshold_jaccard FROM lesion_evaluate('whole_frames', :'model', id_column => 'id');
