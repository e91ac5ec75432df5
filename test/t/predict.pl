# predict.pl: lesion_predict stores masks in batches that commit; what was
# cancelled or killed goes on; a promotion in between counts from the next
# batch on; every row can be made again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive kill_session wait_for_lock);
use IO::Select;
use Test::More;
use Time::HiRes qw(time sleep);

my $database = 'tap_predict';
fresh_database($database);
fill_archive($database, 60, 128);
my $train = q{lesion_train('archive', 'net', 1, architecture => 'unet', image_size => 64, batch_size => 8,
	config => '{"base": 4, "depth": 2}'};
run_sql($database, "SET client_min_messages = error; SELECT $train); SELECT $train, seed => 1, promote => 'never')");
run_sql($database, 'CREATE TABLE masks (LIKE lesion_prediction)');

# Enough rows for a job of seconds.
run_sql($database, q{CREATE VIEW many AS SELECT a.id || '.' || n AS id, a.image
	FROM archive a, generate_series(1, 20) AS n});
my $call = q{CALL lesion_predict('many', 'net', 'masks', id_column => 'id', batch_size => 10)};
my $count = 'SELECT count(*) FROM masks';

# Rows that others see while it runs, and a cancel.
my $job = Session->new($database);
my $watcher = Session->new($database);
sub rows_reach {
	my ($rows) = @_;
	my $end = time + 180;
	sleep 0.01 until time > $end || $watcher->query($count) >= $rows;
	return $watcher->query($count);
}
$job->start($call);
cmp_ok(rows_reach(20), '>=', 20, 'rows are seen while the job runs');
like($watcher->query($call), qr/ERROR:  55006: another session is predicting into public\.masks/,
	'a second job is refused');
$watcher->query('SELECT pg_cancel_backend(' . $job->pid . ')');
like($job->finish, qr/ERROR:  57014/, 'a cancel stops it');
my $done = $watcher->query($count);
cmp_ok($done % 10, '==', 0, "... between batches ($done rows)");
is($job->query('SELECT pg_backend_pid()'), $job->pid, '... and the session goes on');

# A promotion while it runs; kill -9.
$job->start($call);
rows_reach($done + 20);
$watcher->query(q{SELECT lesion_model_promote('net', 2)});
my $end = time + 180;
sleep 0.02 until time > $end || $watcher->query('SELECT count(*) FROM masks WHERE version = 2') >= 20;
cmp_ok($watcher->query('SELECT count(*) FROM masks WHERE version = 2'), '>=', 20,
	'a promotion counts from the next batch on');
ok(kill_session($job), 'the job is killed');
$job = Session->new($database);
$watcher = Session->new($database);
cmp_ok($watcher->query($count) % 10, '==', 0, 'what it had committed is there, whole batches');
unlike($job->query($call, 300), qr/ERROR/, 'the next call goes on');
is($watcher->query(q{SELECT count(*) || ' ' || count(DISTINCT id) FROM masks WHERE version = 2}), '1200 1200',
	'... to one row for each image from the active version');
like($job->query($call), qr/NOTICE.* 0 images of public\.many segmented, 0 broken/, 'then there is nothing to do');
is($watcher->query(q{SELECT count(*) FROM masks m JOIN lesion_version v ON v.model = m.model AND v.number = m.version
	WHERE v.sha256 <> m.weights_sha256}), '0', 'each row names the weights of its version');
is($watcher->query(q{SELECT count(*) FROM (SELECT id FROM masks GROUP BY id, version HAVING count(*) > 1) AS d}), '0',
	'no row twice');
is($watcher->query(q{SELECT string_agg(DISTINCT (lesion_reproduce(m, v.image)).agrees::text, ',')
	FROM (SELECT * FROM masks WHERE version = 1 LIMIT 5) AS m
	JOIN many AS v USING (id)}), 'true',
	'a mask of the version before is made again');

# A batch that fails as it commits is an error, and leaves no lock.
run_sql($database, q{CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql
	AS $$BEGIN RAISE EXCEPTION 'too late'; END$$;
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON masks DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION late();
	DELETE FROM masks WHERE id LIKE 'lesion-1.%'});
my $said = $job->query($call);
like($said, qr/ERROR:  P0001: too late/, 'a commit that fails is an error');
unlike($said, qr/WARNING/, '... and no more than that');
run_sql($database, 'DROP TRIGGER late ON masks');
like($watcher->query($call), qr/NOTICE.* 20 images of public\.many segmented/, '... and another session goes on');

# Keys that another session changes while the job runs: it looks again until nothing is missing.
run_sql($database, q{CREATE TABLE renumbered AS SELECT n AS id, image FROM archive, generate_series(1, 200) AS n
	WHERE archive.id = 'lesion-1';
	ALTER TABLE renumbered ADD PRIMARY KEY (id); CREATE TABLE renumbered_masks (LIKE lesion_prediction)});
$job->start(q{CALL lesion_predict('renumbered', 'net', 'renumbered_masks', batch_size => 5)});
$end = time + 60;
sleep 0.01 until time > $end || $watcher->query('SELECT count(*) FROM renumbered_masks') >= 10;
$watcher->query('UPDATE renumbered SET id = id + 1000');
like($job->finish, qr/NOTICE.* images of public\.renumbered segmented, 0 broken/,
	'an UPDATE of all keys while a job runs');
is($watcher->query('SELECT count(*) FROM renumbered AS r
	WHERE NOT EXISTS (SELECT FROM renumbered_masks AS m WHERE m.id = r.id::text)'), '0',
	'... leaves no image without a mask');

# A row that another session stores while a job runs, of an image that is still to come, ends it for no other image.
# So it is with a table that has a rule, or a key that is checked late, which allow no ON CONFLICT.
run_sql($database, 'CREATE TABLE raced (LIKE lesion_prediction)');
my $into_raced = q{CALL lesion_predict('renumbered', 'net', 'raced', batch_size => 5)};
for my $key ('PRIMARY KEY', 'PRIMARY KEY DEFERRABLE') {
	run_sql($database, qq{TRUNCATE raced; ALTER TABLE raced DROP CONSTRAINT IF EXISTS raced_pkey;
		ALTER TABLE raced ADD CONSTRAINT raced_pkey ${\ ($key =~ s/KEY/KEY (images, id, model, version)/r)}});
	$job->start($into_raced);
	$end = time + 60;
	sleep 0.01 until time > $end || $watcher->query('SELECT count(*) FROM raced') >= 10;
	$watcher->query(q{INSERT INTO raced (images, id, model, version) VALUES ('public.renumbered', 1200, 'net', 2)});
	$said = $job->finish;
	like($said, qr/NOTICE.* row "1200" of public\.renumbered has a row in public\.raced by now/,
		"a row that is there: $key");
	like($said, qr/NOTICE.* 199 images of public\.renumbered segmented, 0 broken\nDETAIL:  1 have a row/,
		'... ends no job');
}

# Another session stores two of the images, in the other order, and leaves it to the job to find the deadlock: that
# image is left to it, and the job goes on.
run_sql($database, 'TRUNCATE raced; ALTER TABLE raced DROP CONSTRAINT raced_pkey,
	ADD PRIMARY KEY (images, id, model, version)');
my $store = q{INSERT INTO raced (images, id, model, version) VALUES ('public.renumbered', %s, 'net', 2)};
my $other = Session->new($database);
$other->query(q{SET deadlock_timeout = '1h'; BEGIN; } . sprintf $store, 1002);
$job->query(q{SET deadlock_timeout = '1s'});
$job->start($into_raced);
ok(wait_for_lock($job), 'a job waits for another session');
$other->start(sprintf $store, 1001);
$said = $job->finish;
like($said, qr/WARNING.* row "1002" of public\.renumbered cannot be stored in public\.raced: deadlock detected/,
	'... which waits for it');
like($said, qr/NOTICE.* 199 images of public\.renumbered segmented, 0 broken/, '... and goes on with all others');
like($other->finish, qr/ERROR:  23505/, '... whose rows are not overwritten');
$other->query('ROLLBACK');
$other->query('BEGIN; ' . sprintf $store, 1002);
like($job->query("SET lock_timeout = '1s'; $into_raced"), qr/WARNING.* row "1002" .* canceling statement due to lock/,
	'so is an image whose row stays uncommitted, with lock_timeout');
$other->query('ROLLBACK');
$other->quit;
like($job->query($into_raced), qr/NOTICE.* 1 images of public\.renumbered segmented/,
	'... the next call does the image');

# Images that are replaced or deleted while a batch has them at hand, by who deletes their rows, which cannot be seen
# yet: they are left out, and the next call does what is there then. The job waits where it reads images from TOAST.
run_sql($database, <<'SQL');
DROP ROLE IF EXISTS some_columns;
CREATE ROLE some_columns;
CREATE TABLE replaced (id text PRIMARY KEY, image bytea NOT NULL, note text);
ALTER TABLE replaced ALTER note SET STORAGE PLAIN;
CREATE VIEW replaced_view AS SELECT id, image FROM replaced;
CREATE VIEW replaced_deep AS SELECT u.id, u.image FROM (SELECT id, image FROM replaced_view WHERE id LIKE 'a%'
	UNION ALL SELECT id, j.image FROM ((SELECT id FROM replaced) AS r JOIN replaced_view AS v USING (id)) AS j
		WHERE id LIKE 'l%') AS u;
CREATE VIEW replaced_big AS SELECT id, image FROM replaced WHERE id LIKE 'lesion%';
CREATE TABLE replaced_masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
CREATE FUNCTION is_left(text) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN RETURN NOT EXISTS (SELECT FROM replaced_masks WHERE id = $1); END$$;
CREATE VIEW replaced_left AS SELECT id, image FROM replaced WHERE is_left(id);
GRANT SELECT (id, image) ON replaced TO some_columns;
GRANT SELECT, INSERT ON replaced_masks TO some_columns;
SQL
$job->query('SET lock_timeout = 0');
my $reindex = 'REINDEX INDEX ' . run_sql($database, q{SELECT indexrelid::regclass FROM pg_index
	WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'replaced')});

# Do something in the middle of a job over fresh images; the job's notices.
sub replace_meanwhile {
	my ($call, $change) = @_;
	run_sql($database, q{TRUNCATE replaced_masks; DELETE FROM replaced; INSERT INTO replaced
		SELECT id, image FROM archive WHERE id IN ('lesion-1', 'lesion-2', 'lesion-3');
		INSERT INTO replaced SELECT 'a small one', image FROM lesion_synthetic(1, 16, 16)});
	$watcher->query("BEGIN; $reindex");
	$job->start($call);
	ok(wait_for_lock($job), 'a job waits for its images');
	$watcher->query("$change; COMMIT");
	return $job->finish;
}
my $new_image = q{UPDATE replaced SET image = (lesion_synthetic(77, 128, 128)).image WHERE id = 'lesion-1';
	DELETE FROM replaced_masks WHERE id = 'lesion-1'};
my $new_small = q{UPDATE replaced SET image = (lesion_synthetic(2, 16, 16)).image WHERE id = 'a small one'};
my $wrong = q{SELECT string_agg(m.id, ',') FROM replaced_masks AS m LEFT JOIN replaced AS r USING (id)
	WHERE m.image_sha256 IS DISTINCT FROM sha256(r.image)};
for my $case (['replaced', $new_image], ['replaced', $new_small], ['replaced_view', $new_image],
	['replaced_view', $new_small], ['replaced_deep', $new_image], ['replaced_deep', $new_small],
	['replaced', q{DELETE FROM replaced WHERE id = 'lesion-1'}],
	['replaced', q{UPDATE replaced SET id = 'lesion-0' WHERE id = 'lesion-1'}]) {
	my ($source, $change) = @$case;
	my $predict = "CALL lesion_predict('$source', 'net', 'replaced_masks', id_column => 'id')";
	like(replace_meanwhile($predict, $change), qr/" of public\.$source was replaced .*1 were replaced or deleted/s,
		'... and tells what was replaced');
	is($watcher->query($wrong), '', '... of which it stores nothing');
	unlike($job->query($predict), qr/ERROR/, '... the next call goes on');
	is($watcher->query('SELECT count(*) FROM replaced LEFT JOIN replaced_masks USING (id) WHERE images IS NULL'), '0',
		'... with what is there');
}
$job->query('SET ROLE some_columns');
like(replace_meanwhile(q{CALL lesion_predict('replaced', 'net', 'replaced_masks', id_column => 'id')}, $new_small),
	qr/row "a small one" of public\.replaced was replaced/, '... so does a role that may read some columns');
$job->query('RESET ROLE');

# Another relation that has come to the name of the images meanwhile is not looked at.
run_sql($database, q{TRUNCATE replaced_masks; CREATE SCHEMA place; CREATE TABLE place.pics AS SELECT id, image
	FROM archive WHERE id IN ('lesion-1', 'lesion-2'); ALTER TABLE place.pics ADD PRIMARY KEY (id)});
$watcher->query('BEGIN; REINDEX INDEX ' . run_sql($database, q{SELECT indexrelid::regclass FROM pg_index
	WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'place.pics'::regclass)}));
$job->start(q{CALL lesion_predict('place.pics', 'net', 'replaced_masks')});
ok(wait_for_lock($job), 'a job waits for its images');
$watcher->query('ALTER SCHEMA place RENAME TO old_place; CREATE SCHEMA place;
	CREATE VIEW place.pics AS SELECT id, image FROM old_place.pics; COMMIT');
like($job->finish, qr/ERROR:  55000: place\.pics is no longer what it was/, '... and sees that it was renamed');
is($watcher->query('SELECT count(*) FROM replaced_masks'), '0', '... before it stores any row');
run_sql($database, 'SET client_min_messages = error; DROP SCHEMA place CASCADE; DROP SCHEMA old_place CASCADE');

# A row that grows beside its image, and a view that shows an image until its row is there, are no such images.
like(replace_meanwhile(q{CALL lesion_predict('replaced', 'net', 'replaced_masks')},
	q{UPDATE replaced SET note = repeat('-', 2000)}),
	qr/\ANOTICE: .* 4 images of public\.replaced segmented, 0 broken/, '... does images that have moved');
run_sql($database, 'TRUNCATE replaced_masks');
like($job->query(q{CALL lesion_predict('replaced_left', 'net', 'replaced_masks', id_column => 'id')}),
	qr/\ANOTICE: .* 4 images of public\.replaced_left segmented, 0 broken/, 'a view of images without masks');

# An image that the job had no time for leaves nothing out.
like(replace_meanwhile(q{CALL lesion_predict('replaced_big', 'net', 'replaced_masks', id_column => 'id',
	max_minutes => 0.000001)},
	q{UPDATE replaced SET image = (lesion_synthetic(78, 128, 128)).image WHERE id = 'lesion-3'}),
	qr/\ANOTICE: .* 1 images of public\.replaced_big segmented/, '... and does what it has time for');

# The first of all images is replaced, and its row deleted, when its batch is done: it is found once more.
run_sql($database, q{TRUNCATE replaced_masks; CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN IF NEW.id = 'lesion-3' THEN PERFORM pg_advisory_xact_lock_shared(27); END IF; RETURN NEW; END $$;
	CREATE TRIGGER wait_here BEFORE INSERT ON replaced_masks FOR EACH ROW EXECUTE FUNCTION wait_here()});
$watcher->query('SELECT pg_advisory_lock(27)');
$job->start(q{CALL lesion_predict('replaced', 'net', 'replaced_masks', batch_size => 1)});
ok(wait_for_lock($job), 'a job waits in its last batch');
$watcher->query(q{UPDATE replaced SET image = (lesion_synthetic(3, 16, 16)).image WHERE id = 'a small one';
	DELETE FROM replaced_masks WHERE id = 'a small one'});
$watcher->query('SELECT pg_advisory_unlock(27)');
like($job->finish, qr/NOTICE.* 5 images of public\.replaced segmented, 0 broken/,
	'... and does again what was replaced behind it');

# Storing waits for another session, which gives images time to be replaced behind the batch's second look.
my $keep_waiting = sub {
	my ($source, $change) = @_;
	run_sql($database, 'TRUNCATE replaced_masks');
	$watcher->query('SELECT pg_advisory_lock(27)');
	$job->start("CALL lesion_predict('$source', 'net', 'replaced_masks', id_column => 'id')");
	ok(wait_for_lock($job), 'a job waits while it stores');
	$watcher->query($change);
	select undef, undef, undef, 1.2;
	$watcher->query('SELECT pg_advisory_unlock(27)');
	return $job->finish;
};
for my $case (['replaced', $new_image], ['replaced', q{DELETE FROM replaced WHERE id = 'lesion-1'}],
	['replaced_view', q{UPDATE replaced SET image = (lesion_synthetic(79, 128, 128)).image WHERE id = 'lesion-2'}]) {
	my ($source, $change) = @$case;
	like($keep_waiting->($source, $change),
		qr/ERROR:  40001: row "lesion-\d" of public\.$source was replaced or deleted behind the look/,
		'... and is undone when an image was replaced meanwhile');
	is($watcher->query('SELECT count(*) FROM replaced_masks'), '0', '... with all rows of its batch');
}

# A look takes as long as its view: one image is replaced behind the last row that the look goes through.
run_sql($database, q{CREATE SEQUENCE looks; CREATE TABLE held_look (at bigint);
	CREATE FUNCTION is_seen() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
	IF nextval('looks') = (SELECT at FROM held_look) THEN PERFORM pg_advisory_xact_lock_shared(27); END IF;
	RETURN true; END $$;
	CREATE VIEW replaced_slow AS SELECT id, image FROM replaced WHERE is_seen();
	CREATE FUNCTION note_look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO held_look SELECT last_value FROM looks WHERE NOT EXISTS (SELECT FROM held_look); RETURN NEW; END $$;
	CREATE TRIGGER note_look BEFORE INSERT ON replaced_masks FOR EACH ROW EXECUTE FUNCTION note_look();
	SELECT nextval('looks'); TRUNCATE replaced_masks});
$job->query(q{CALL lesion_predict('replaced_slow', 'net', 'replaced_masks', id_column => 'id')});
run_sql($database, q{DROP TRIGGER wait_here ON replaced_masks; SELECT setval('looks', 1)});
like($keep_waiting->('replaced_slow',
		q{UPDATE replaced SET image = (lesion_synthetic(80, 128, 128)).image WHERE id = 'lesion-2'}),
	qr/ERROR:  40001: row "lesion-2" of public\.replaced_slow was replaced/, '... also when it looked for long');
run_sql($database, q{DROP TRIGGER note_look ON replaced_masks;
	CREATE TRIGGER wait_here BEFORE INSERT ON replaced_masks FOR EACH ROW EXECUTE FUNCTION wait_here()});
for my $source (qw(replaced replaced_left)) {
	like($keep_waiting->($source, q{UPDATE replaced SET note = repeat('=', 2000)}),
		qr/\ANOTICE: .* 3 images of public\.$source segmented, 0 broken/, '... and goes on when none was');
}

# A key of other columns is an error.
run_sql($database, 'TRUNCATE raced; ALTER TABLE raced DROP CONSTRAINT raced_pkey, ADD UNIQUE (images)');
like($job->query($into_raced), qr/WARNING: .*"raced_images_key".*
	^ERROR:\ \ 23505:\ 199\ of\ 200\ images\ of\ public\.renumbered\ could\ not\ be\ stored/msx,
	'duplicates of another key');

# In a transaction block it is all or nothing.
like($job->query("BEGIN; TRUNCATE masks; $call; ROLLBACK", 300), qr/NOTICE.*commits nothing before its end/,
	'in a transaction block it says so');
is($watcher->query(q{SELECT count(*) FROM masks WHERE version = 2}), '1200', '... and a rollback takes it back');
# A table that would go with the extension.
run_sql($database, 'CREATE TABLE typed OF lesion_prediction');
my $into_typed = q{CALL lesion_predict('archive', 'net', 'typed', max_minutes => 1e-9)};
like($job->query($into_typed), qr/NOTICE.* public\.typed is OF lesion_prediction.*\n.*ALTER TABLE public\.typed NOT OF/,
	'a table OF the type, and what to do');
like($job->query("ALTER TABLE public.typed NOT OF; $into_typed; SELECT count(*) FROM typed"), qr/^2$/m,
	'... which is still written to');

# The queue compares as many second opinions as one call has time for, and says so; a header of 16 megapixels is a mask.
run_sql($database, q{CREATE TABLE much (LIKE lesion_prediction);
	INSERT INTO much (images, id, model, mask, image_sha256, predicted_at) SELECT 'x', n, m,
		'\x89504e470d0a1a0a0000000d4948445200000fa000000fa00100000000c604deaf0000000149444154', 'same', now()
	FROM generate_series(1, 27) AS n, unnest('{one,two}'::text[]) AS m});
like($job->query(q{SELECT count(*) FROM lesion_review_queue('much')}),
	qr/NOTICE.* second opinions on 2 images were not compared/, 'second opinions that are left out are counted');
run_sql($database, q{CREATE TABLE judged (LIKE lesion_verdict);
	INSERT INTO judged (images, id, verdict, corrected_mask, decided_at)
	SELECT 'x', '1', 'correct', m, now() FROM much, unnest(ARRAY[mask, '\x00']) AS m WHERE id = '1' AND model = 'one'});
like($job->query(q{SELECT count(*) FROM lesion_reviewed_masks('much', 'judged')}),
	qr/WARNING.* 1 verdicts of public\.judged do not count/, 'and so are verdicts that cannot count');

# A partition, and a child, that stand on another server, where they are views: their rows have no place.
my $elsewhere = 'tap_predict_elsewhere';
fresh_database($elsewhere);
run_sql($elsewhere, 'CREATE VIEW pictures AS SELECT id, image
	FROM generate_series(51, 55) AS id, lesion_synthetic(id, 64, 64)');
run_sql($database, qq{CREATE EXTENSION postgres_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '$ENV{PGHOST}', dbname '$elsewhere');
	CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (user '$ENV{PGUSER}');
	CREATE TABLE parted (id int, image bytea) PARTITION BY RANGE (id);
	CREATE TABLE near PARTITION OF parted FOR VALUES FROM (1) TO (51);
	CREATE FOREIGN TABLE far PARTITION OF parted FOR VALUES FROM (51) TO (1000)
	SERVER elsewhere OPTIONS (table_name 'pictures');
	CREATE TABLE parent (id int, image bytea);
	CREATE FOREIGN TABLE child () INHERITS (parent) SERVER elsewhere OPTIONS (table_name 'pictures')});
run_sql($database, "INSERT INTO $_ SELECT id, image FROM generate_series(1, 5) AS id, lesion_synthetic(id, 64, 64)")
	for qw(near parent);
for my $images (qw(parted parent)) {
	run_sql($database, "SET client_min_messages = error;
		CALL lesion_predict('$images', 'net', 'masks', id_column => 'id', batch_size => 3)");
	is(run_sql($database, "SELECT count(mask) || ' ' || count(DISTINCT id) FROM masks WHERE images = 'public.$images'"),
		'10 10', "images of $images, here and elsewhere");
}

# Images above a limit, whose ids come first, keep no other from getting its mask.
run_sql($database, q{CREATE TABLE starved (id int PRIMARY KEY, image bytea);
	INSERT INTO starved SELECT n, (lesion_synthetic(n, CASE WHEN n <= 12 THEN 400 ELSE 64 END, 64)).image
	FROM generate_series(1, 30) AS n});
like($watcher->query(q{SET client_min_messages = error; SET lesionseg.max_pixels = 10000;
	CALL lesion_predict('starved', 'net', 'masks', batch_size => 4)}),
	qr/ERROR:  54000: 12 of 30 images of public\.starved are above a limit/, 'too many large images are an error');
is(run_sql($database, q{SELECT count(mask) FROM masks WHERE images = 'public.starved'}), '18',
	'... when all others have their masks');
run_sql($database, q{INSERT INTO starved SELECT n, image FROM generate_series(31, 130) AS n, starved WHERE id = 30});
unlike($watcher->query(q{SET client_min_messages = error; CALL lesion_predict('starved', 'net', 'masks')}), qr/ERROR/,
	'a tenth of all images is not') for 1, 2;

# A promotion in the middle makes all images pending again: those above the limit are counted once.
run_sql($database, q{DELETE FROM masks WHERE images = 'public.starved';
	CREATE FUNCTION wait_half() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN IF NEW.id = '20' THEN PERFORM pg_advisory_xact_lock_shared(28); END IF; RETURN NEW; END $$;
	CREATE TRIGGER wait_half BEFORE INSERT ON masks FOR EACH ROW EXECUTE FUNCTION wait_half()});
my $active = run_sql($database, q{SELECT version FROM lesion_models WHERE model = 'net'});
$watcher->query('SELECT pg_advisory_lock(28)');
$job->query('SET client_min_messages = error; SET lesionseg.max_pixels = 10000');
$job->start(q{CALL lesion_predict('starved', 'net', 'masks', batch_size => 4)});
ok(wait_for_lock($job), 'a job waits in the middle');
run_sql($database, "SELECT lesion_model_promote('net', 3 - $active)");
$watcher->query('SELECT pg_advisory_unlock(28)');
unlike($job->finish, qr/ERROR/, '... and counts images above a limit by the version');
is(run_sql($database, q{SELECT count(DISTINCT version) FROM masks WHERE images = 'public.starved'}), '2',
	'... of which there were two');
run_sql($database, "SELECT lesion_model_promote('net', $active); DROP TRIGGER wait_half ON masks");
$job->query('RESET lesionseg.max_pixels; RESET client_min_messages');
$watcher->query('RESET lesionseg.max_pixels; RESET client_min_messages');

# Rows that were made with other options count as done, and are told.
run_sql($database, q{CREATE TABLE others (LIKE lesion_prediction); CREATE VIEW few AS SELECT * FROM archive LIMIT 4});
my $few = q{CALL lesion_predict('few', 'net', 'others', id_column => 'id'%s)};
my $told = qr/WARNING: .*public\.others for public\.few by version \d+ of model "net" were made with other options/;
unlike($watcher->query(sprintf $few, ''), $told, 'rows of the same options are not told');
unlike($watcher->query('SET lesionseg.threads = 1; ' . sprintf $few, ''), $told, '... nor are other threads');
for my $other ('threshold => 0.999', 'tta => true', q{enhance => 'always'}, q{options => '{"fill_holes": false}'},
	q{image_column => 'mask'}) {
	run_sql($database, 'DELETE FROM others');
	unlike($watcher->query(sprintf $few, ", $other"), $told, "masks are made with $other");
	like($watcher->query(sprintf $few, ''), qr/$told.*0 images of public\.few segmented/s, '... and told');
}
run_sql($database, q{UPDATE others SET options = '1' WHERE id = (SELECT min(id) FROM others);
	UPDATE others SET options = NULL WHERE id = (SELECT max(id) FROM others)});
like($watcher->query(sprintf $few, ''), qr/WARNING: .* 4 rows/, '... as those by hand are, whatever they say');
run_sql($database, 'DELETE FROM others');
$watcher->query(sprintf $few, '');
run_sql($database, q{UPDATE others SET options = options || jsonb_build_object('threads',
	(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) AS i)) WHERE id = (SELECT min(id) FROM others)});
like($watcher->query(sprintf $few, ''), qr/WARNING: .* 1 rows/,
	'... and those whose options are long, which are not read');

# So are masks that another column's values named: they are those of other images.
run_sql($database, q{CREATE TABLE photos AS SELECT n AS id, 13 - n AS number, a.image FROM (
		SELECT row_number() OVER (ORDER BY id) AS n, image FROM archive LIMIT 12) AS a;
	ALTER TABLE photos ADD PRIMARY KEY (id); CREATE TABLE numbered (LIKE lesion_prediction)});
my $photos = q{CALL lesion_predict('photos', 'net', 'numbered'%s)};
$watcher->query(sprintf $photos, q{, id_column => 'number'});
like($watcher->query(sprintf $photos, ''),
	qr/WARNING: .* 12 rows of public\.numbered for public\.photos .* were made with other options/,
	'masks named by another column are told');
run_sql($database, 'DELETE FROM numbered');
$watcher->query(sprintf $photos, q{, id_column => 'id'});
unlike($watcher->query(sprintf $photos, ''), qr/were made with other options/, '... and not those named by the key');

# A model that is made anew under its name goes on with the numbers of its versions.
run_sql($database, q{DELETE FROM others; SELECT lesion_model_import('renewed', lesion_model_export('net'))});
my $renewed = q{CALL lesion_predict('few', 'renewed', 'others', id_column => 'id')};
$watcher->query($renewed);
run_sql($database, q{SELECT lesion_model_drop('renewed');
	SELECT lesion_model_import('renewed', lesion_model_export('net', dtype => 'f16'))});
like($watcher->query($renewed), qr/^(?!.*WARNING).*4 images of public\.few segmented/s,
	'masks of a dropped model of the name are not those of the new one');
run_sql($database, q{UPDATE others SET weights_sha256 = sha256('x') WHERE version = 2});
like($watcher->query($renewed), qr/WARNING: .* 4 rows .* by version 2 of model "renewed" .* other weights/,
	'... and other weights of the number are told');
$watcher->query('RESET lesionseg.threads');

# Batches take no memory when they are done.
run_sql($database, q{CREATE TABLE crowd AS SELECT id::text, image FROM generate_series(1, 2000) AS id,
		(SELECT image FROM archive LIMIT 1) AS a;
	CREATE VIEW handful AS SELECT * FROM crowd WHERE id < '11'; CREATE TABLE crowded (LIKE lesion_prediction)});
$watcher->query(q{CALL lesion_predict('handful', 'net', 'crowded', id_column => 'id')});
my $memory = my $most = $watcher->resident;
$watcher->start(q{CALL lesion_predict('crowd', 'net', 'crowded', id_column => 'id', batch_size => 2)});
my $ended = IO::Select->new($watcher->{out});
until ($ended->can_read(0.1)) {
	my $now = $watcher->resident;
	$most = $now if $now > $most;
}
like($watcher->finish, qr/2000 images of public\.crowd segmented/, 'a thousand batches');
cmp_ok($most - $memory, '<', 4000, '... take no memory when they are done');

# A prepared transaction holds the locks of its work, and has no process.
SKIP: {
	skip 'max_prepared_transactions is 0', 3 unless run_sql($database, 'SHOW max_prepared_transactions');
	run_sql($database, 'CREATE VIEW one AS SELECT id, image FROM archive LIMIT 1');
	$job->query($_) for 'BEGIN', q{CALL lesion_predict('one', 'net', 'masks', id_column => 'id')},
		q{SELECT lesion_model_create('prepared', 'unet')}, q{PREPARE TRANSACTION 'tap_predict'};
	my $holder = qr/DETAIL:  It is a prepared transaction, .*ROLLBACK PREPARED/;
	like($watcher->query($call), qr/ERROR:  55006: another session is predicting into public\.masks\n$holder/,
		'a prepared transaction predicts');
	like($watcher->query(q{SELECT lesion_model_create('prepared', 'unet')}),
		qr/ERROR:  55006: model "prepared" is being trained or changed .*\n$holder/, '... and makes a model');
	run_sql($database, q{ROLLBACK PREPARED 'tap_predict'});
	unlike($watcher->query(q{SELECT lesion_model_create('prepared', 'unet')}), qr/ERROR/, '... until it ends');
}
$job->quit;
$watcher->quit;
done_testing();
