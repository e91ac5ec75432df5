# failures.pl: what cannot be pulled, segmented or sent is the error of its
# row, and the rest goes on; who must not come in does not; what stands in the way is said.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion output read_file wait_until write_file);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_failures';
my $folder = tempdir(CLEANUP => 1);
my $data = "$FindBin::Bin/../data/dicom";
fresh_database($database);
my $orthanc = Pacs->new;

like($orthanc->run($database, 'pull'), qr/42P01: .*pacs\.sql/, 'without the tables it says how they are made');
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
pass('the script of the tables may run again');

# Photographs that the extension cannot decode, among those that it can.
for my $name (qw(htj2k jpeg_12_bits mpeg2)) {
	output('dcmodify', '-nb', '-i', '(0008,0060)=XC', '-m', '(0008,0016)=1.2.840.10008.5.1.4.1.1.77.1.4', '-gin',
		'-gse', '-gst',
		write_file("$folder/$name.dcm", read_file("$data/$name.dcm")));
}
my @good = map { make_lesion($database, $_, [100, 80], "$folder/$_.dcm") } 1 .. 4;
$orthanc->send_files(@good[0, 1], (map { "$folder/$_.dcm" } qw(htj2k jpeg_12_bits mpeg2)), @good[2, 3]);
like($orthanc->run($database, 'pull', '--dry-run'), qr/would have pulled 7, failed 0\n\z/, '--dry-run counts');
is(run_sql($database, 'SELECT count(*) FROM lesion_pacs_instance'), 0, '... and pulls nothing');
like($orthanc->run($database, 'pull', '--limit', 2), qr/pulled 2, failed 0\n\z/, '--limit stops');
like($orthanc->run($database, 'pull'), qr/pulled 5, failed 0\n\z/, '... and the next run gets the rest');
run_sql($database, q(SET client_min_messages = error; CALL lesion_predict('lesion_pacs_instance', 'linknet',
	'lesion_pacs_prediction')));
is(run_sql($database, q(SELECT count(mask) || ' ' || count(error) FROM lesion_pacs_prediction)), '4 3',
	'what cannot be decoded is the error of its row');
like($orthanc->run($database, 'push', '--limit', 1), qr/sent 3, failed 0\n\z/, 'push --limit counts images');
like($orthanc->run($database, 'push'), qr/sent 9, failed 0\n\z/, 'the others are sent');
is($? >> 8, 0, '... with status 0');

# A service whose predictions fail sends what is there.
run_sql($database, 'DELETE FROM lesion_pacs_object');
my $service = $orthanc->spawn($database, "$folder/service.log", 'run', '--model', 'none', '--every', 1);
ok(wait_until(60, sub { run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE state = 'sent')) == 12 }),
	'a service sends masks that are there while there is no model');
kill 'TERM', $service;
waitpid $service, 0;
like(read_file("$folder/service.log"), qr/42704: model "none" does not exist/, '... and says so');

# Rows that no version made, as whoever may write a table of masks can: they are passed over.
run_sql($database, q(CREATE TABLE blank (LIKE lesion_pacs_prediction);
	ALTER TABLE blank ALTER model DROP NOT NULL, ALTER version DROP NOT NULL;
	INSERT INTO blank (images, id, mask, model) SELECT images, id, mask, 'a' FROM lesion_pacs_prediction,
	generate_series(1, 100) WHERE mask IS NOT NULL;
	INSERT INTO blank SELECT * FROM lesion_pacs_prediction WHERE mask IS NOT NULL;
	INSERT INTO blank (images, id, mask, model, version) SELECT images, id, mask, repeat('m', 2001), 0 FROM blank;
	UPDATE lesion_pacs_object SET version = 77 WHERE kind = 'seg'));
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', 'blank'), qr/sent 4, failed 0\n\z/,
	'masks without a version, or of a model with a long name, keep no other from being sent');

# Rows of one mask in a table without a key: the oldest that holds is sent, however many there are. One that names
# another table is of no image here, be it older.
run_sql($database, q(CREATE TABLE doubled (LIKE lesion_pacs_prediction);
	INSERT INTO doubled SELECT * FROM lesion_pacs_prediction WHERE mask IS NOT NULL;
	CREATE TABLE more AS SELECT * FROM doubled, generate_series(1, 150) AS n;
	UPDATE more SET predicted_at = predicted_at + n * interval '1 s', mask = '';
	UPDATE more SET predicted_at = predicted_at - interval '1 day', weights_sha256 = '' WHERE n = 7;
	UPDATE more SET predicted_at = predicted_at - interval '1 day', images = 'public.mine' WHERE n = 8;
	ALTER TABLE more DROP n;
	INSERT INTO doubled SELECT * FROM more;
	DELETE FROM lesion_pacs_object));
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', 'doubled'), qr/ sent 4, failed 0\n\z/,
	'of several rows of a mask one is sent');

# Rows that name another table, none, or ours without its schema are of no image here, though they stand alone.
run_sql($database, q(CREATE TABLE elsewhere (LIKE lesion_pacs_prediction);
	ALTER TABLE elsewhere ALTER images DROP NOT NULL;
	INSERT INTO elsewhere SELECT * FROM lesion_pacs_prediction WHERE mask IS NOT NULL ORDER BY id LIMIT 3;
	UPDATE elsewhere SET images = (ARRAY['public.mine', NULL, 'lesion_pacs_instance'])[n]
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM elsewhere) AS e WHERE e.id = elsewhere.id;
	DELETE FROM lesion_pacs_object));
like($orthanc->run($database, 'push', '--predictions', 'elsewhere'), qr/^\S+ \S+ sent 0, failed 0\n\z/,
	'masks that are not said to be of lesion_pacs_instance are not sent from another table');
run_sql($database, q(UPDATE elsewhere SET images = 'public.lesion_pacs_instance'));
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', 'elsewhere'), qr/ sent 3, failed 0\n\z/,
	'... and those that are, are');

# Older rows of the same table, file and weights, whose masks no object can be made of: no image at all, one of another
# size, one that ends too soon and a large one. The first that an object can be made of is sent.
run_sql($database, q(CREATE TABLE unfit (LIKE lesion_pacs_prediction);
	INSERT INTO unfit SELECT * FROM lesion_pacs_prediction WHERE mask IS NOT NULL;
	CREATE TABLE older AS SELECT p.*, n FROM unfit AS p, generate_series(1, 40) AS n;
	UPDATE older SET predicted_at = predicted_at - n * interval '1 s', mask = CASE n % 4 WHEN 0 THEN '\x00'
		WHEN 1 THEN (SELECT mask FROM lesion_synthetic(1, 50, 40))
		WHEN 2 THEN substr(mask, 1, 60) ELSE (SELECT mask FROM lesion_synthetic(1, 1000, 800)) END;
	ALTER TABLE older DROP n;
	INSERT INTO unfit SELECT * FROM older;
	DELETE FROM lesion_pacs_object));
like($orthanc->run($database, 'push', '--predictions', 'unfit'), qr/ sent 12, failed 0\n\z/,
	'rows whose masks no object can be made of keep none from being sent');
is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_object AS o JOIN lesion_pacs_prediction AS p
	ON (o.image_id, o.model, o.version, o.kind) = (p.id, p.model, p.version, 'seg')
	JOIN lesion_pacs_instance AS i USING (id)
	WHERE o.sop_instance = (lesion_dicom_info(lesion_dicom_seg(i.image, p.mask, p.model, p.version))).sop_instance)), 4,
	'... and what is sent is what lesion_predict made');

# A row that somebody wrote before the version's own: what failed of it is tried again with a mask that came later, be
# it of a session that wrote it before and committed after that.
run_sql($database, q(CREATE TABLE early (LIKE lesion_pacs_prediction);
	INSERT INTO early SELECT * FROM lesion_pacs_prediction WHERE mask IS NOT NULL ORDER BY id LIMIT 1;
	UPDATE early SET weights_sha256 = '', mask = '';
	INSERT INTO early (images, id, model, version, mask, image_sha256)
	SELECT p.images, p.id, 'nobody', 1, p.mask, p.image_sha256 FROM lesion_pacs_prediction AS p JOIN early USING (id);
	DELETE FROM lesion_pacs_object));
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', 'early'),
	qr/the mask was made by other weights than the version has.* sent 0, failed 1\n\z/s,
	'a mask that the version did not make fails, and one of no version is passed over');
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', 'early'), qr/ sent 0, failed 0\n\z/,
	'... once');
run_sql($database, q(DELETE FROM early WHERE model = 'nobody'; INSERT INTO early
	SELECT p.* FROM lesion_pacs_prediction AS p JOIN early USING (id, model, version)));
is(run_sql($database, q(SELECT bool_and(p.predicted_at < o.changed_at) FROM early AS p, lesion_pacs_object AS o)), 't',
	'... and the one that it made, before that,');
like($orthanc->run($database, 'push', '--send', 'seg,picture', '--predictions', 'early'), qr/ sent 2, failed 0\n\z/,
	'... is sent, each object once');

# What the server cannot do at this time is not the object's own.
run_sql($database, 'DELETE FROM lesion_pacs_object');
my $holder = Session->new($database);
$holder->query('BEGIN; LOCK TABLE lesion_pacs_object IN SHARE MODE');
run_sql($database, "ALTER DATABASE $database SET lock_timeout = '300ms'");
like($orthanc->run($database, 'push', '--send', 'seg'), qr/55P03: .* sent 0, failed 4\n\z/s,
	'a lock keeps objects from being made');
is(run_sql($database, 'SELECT count(*) FROM lesion_pacs_object'), 0, '... which is not noted');
$holder->quit;
run_sql($database, "ALTER DATABASE $database RESET lock_timeout");
like($orthanc->run($database, 'push', '--send', 'seg'), qr/ sent 4, failed 0\n\z/, '... so the next run sends them');

# An object that cannot be made: the mask is not of the image's size.
my $bad = run_sql($database, q(SELECT min(id) FROM lesion_pacs_prediction WHERE mask IS NOT NULL));
run_sql($database, "DELETE FROM lesion_pacs_object; UPDATE lesion_pacs_prediction SET version = 0, mask = "
	. "(SELECT mask FROM lesion_synthetic(1, 64, 64)) WHERE id = '$bad'");
my $said = $orthanc->run($database, 'push', '--send', 'seg');
like($said, qr/seg \Q$bad\E: 22023: .*sent 3, failed 1\n\z/s,
	'a segmentation that cannot be made is named, and the others are sent');
is($? >> 8, 1, '... with status 1');
is(run_sql($database, q(SELECT state || ' ' || left(error, 5) FROM lesion_pacs_object WHERE state <> 'sent')),
	'failed 22023', '... and noted');
like($orthanc->run($database, 'push', '--send', 'seg'), qr/sent 0, failed 0\n\z/, 'it is not tried again');
like($orthanc->run($database, 'push', '--send', 'seg', '--retry'), qr/sent 0, failed 1\n\z/, '... but on request');

# Masks that other weights made, or another file, are not said to be of these.
run_sql($database, q{UPDATE lesion_pacs_prediction SET mask = NULL WHERE version = 0 AND id = '} . $bad . q{'});
my ($other, $repulled) = split /\n/, run_sql($database,
	'SELECT id FROM lesion_pacs_prediction WHERE mask IS NOT NULL ORDER BY id LIMIT 2');
run_sql($database, qq{DELETE FROM lesion_pacs_object;
	UPDATE lesion_pacs_prediction SET weights_sha256 = sha256('') WHERE id = '$other';
	UPDATE lesion_pacs_instance SET image = image || '\\x0000' WHERE id = '$repulled'});
$said = $orthanc->run($database, 'push');
like($said, qr/seg \Q$other\E: the mask was made by other weights than the version has/,
	'a mask that other weights made is not sent');
like($said, qr/seg \Q$repulled\E: the mask was made of another file than the image's/, '... nor one of another file');
like($said, qr/sent 3, failed 4\n\z/, '... but others are');
run_sql($database, qq{UPDATE lesion_pacs_prediction SET weights_sha256 = (SELECT sha256 FROM lesion_version
	WHERE model = 'linknet' AND number = version) WHERE id = '$other';
	UPDATE lesion_pacs_instance SET image = substr(image, 1, length(image) - 2) WHERE id = '$repulled'});

# One whose failure could not be noted, as its name fits the key of predictions alone, is passed over.
run_sql($database, "DELETE FROM lesion_pacs_object");
run_sql($database, q(DO $$
DECLARE
	name text := (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 90) AS i);
BEGIN
	WHILE NOT EXISTS (SELECT FROM lesion_pacs_prediction WHERE length(model) > 100) LOOP
		name := left(name, -1);
		BEGIN
			INSERT INTO lesion_pacs_prediction (id, model, version, mask)
			SELECT min(id), name, 0, '' FROM lesion_pacs_prediction;
		EXCEPTION WHEN program_limit_exceeded THEN
			NULL;
		END;
	END LOOP;
END $$));
$said = $orthanc->run($database, 'push', '--send', 'seg');
like($said, qr/sent 3, failed 0\n\z/, 'what could not be noted is passed over');
run_sql($database, 'DELETE FROM lesion_pacs_prediction WHERE length(model) > 100');

# What is sent is noted before; what a trigger keeps from that is not sent.
run_sql($database, q(DELETE FROM lesion_pacs_object;
	CREATE FUNCTION keep_none() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END;';
	CREATE TRIGGER keep_none BEFORE INSERT ON lesion_pacs_object FOR EACH ROW EXECUTE FUNCTION keep_none()));
like($orthanc->run($database, 'push', '--send', 'seg'),
	qr/a trigger keeps its row from lesion_pacs_object.* sent 0, failed 3\n\z/s, 'what cannot be noted is not sent');
run_sql($database, 'DROP TRIGGER keep_none ON lesion_pacs_object');

# A table of predictions whose name looks like one of ours.
run_sql($database, 'CREATE TABLE "my@lesion_pacs_object" AS TABLE lesion_pacs_prediction');
like($orthanc->run($database, 'push', '--send', 'seg', '--predictions', '"my@lesion_pacs_object"'),
	qr/ sent 3, failed 0\n\z/, 'an @ in a name is part of the name');
run_sql($database, 'DROP TABLE "my@lesion_pacs_object"');

# A database whose encoding has characters that UTF-8 lacks: a row with one ends nothing.
run_sql('postgres', 'DROP DATABASE IF EXISTS pacs_win1252');
run_sql('postgres', q(CREATE DATABASE pacs_win1252 ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0));
run_sql('pacs_win1252', 'CREATE EXTENSION lesionseg');
run_sql('pacs_win1252', '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
$orthanc->run('pacs_win1252', 'pull');
run_sql('pacs_win1252', q(SET client_min_messages = error;
	CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction');
	CREATE TABLE masks (LIKE lesion_prediction);
	INSERT INTO masks SELECT * FROM lesion_pacs_prediction;
	INSERT INTO masks (images, id, mask, model, version) SELECT images, id, mask, convert_from('\x6181', 'WIN1252'), 0
	FROM lesion_pacs_prediction WHERE mask IS NOT NULL;
	INSERT INTO masks (images, id, mask, model, version)
	SELECT images, convert_from('\x6181', 'WIN1252'), mask, model, 0
	FROM lesion_pacs_prediction WHERE mask IS NOT NULL;
	INSERT INTO lesion_pacs_prediction SELECT * FROM masks WHERE model <> 'linknet'));
for my $table (qw(masks lesion_pacs_prediction)) {
	run_sql('pacs_win1252', 'DELETE FROM lesion_pacs_object');
	like($orthanc->run('pacs_win1252', 'push', '--send', 'seg', '--predictions', $table), qr/ sent 4, failed 0\n\z/,
		"a row of $table with a character that UTF-8 lacks is passed over");
}

# Who is not there.
$orthanc->stop;
like($orthanc->run($database, 'pull'), qr/no answer from the PACS: /, 'a PACS that is down is said to be');
is($? >> 8, 3, '... with status 3');
like($orthanc->run('no_such_database', 'pull'), qr/no connection to the database: .*no_such_database/,
	'and a database');
is($? >> 8, 3, '... with status 3');
like($orthanc->run($database, 'pull', '--nonsense'), qr/--nonsense is no option/, 'wrong options are refused');
is($? >> 8, 2, '... with status 2');

# TLS, and a user with a password.
output('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-addext',
	'subjectAltName=DNS:localhost', '-days', 2,
	'-keyout', "$folder/key.pem", '-out', "$folder/certificate.pem");
write_file("$folder/both.pem", read_file("$folder/certificate.pem") . read_file("$folder/key.pem"));
my $fake = Pacs->fake('https', 'fake.py', "$folder/both.pem", 'reader:open sesame', $good[0]);
my @known = ('--cacert', "$folder/certificate.pem");
like($fake->run($database, 'pull'), qr/no answer from the PACS: .*certificate/,
	'a certificate that nobody knows is not trusted');
like($fake->run($database, 'pull', @known), qr/refuses access: HTTP 401.*netrc/, 'without a password nobody comes in');
is($? >> 8, 3, '... with status 3');
write_file("$folder/token", "abc\n");
like($fake->run($database, 'pull', @known, '--bearer-file', "$folder/token"), qr/HTTP 401/,
	'a wrong token is no way in');
write_file("$folder/netrc", qq(machine localhost login reader password "open sesame"\n));
push @known, '--netrc-file', "$folder/netrc";

# What the PACS cannot give or does not take.
$said = $fake->run($database, 'pull', @known, '--modality', 'XC', '--max-size', 1);
is($? >> 8, 1, 'instances that do not come are status 1');
like($said, qr/ pulled 1.2.3.4.1 /, '... the one that can come does');
like($said, qr/not pulled 1.2.3.4.2: the PACS answers HTTP 404: no such instance\n/, '... one is not found');
like($said, qr/not pulled 1.2.3.4.3: a part of the multipart body has no end\n/, '... one is cut off');
like($said, qr/not pulled 1.2.3.4.4: the answer is larger than 1 MB/, '... one is too large');
like($said, qr/not pulled 1.2.3.4.5: the PACS answered with the file of another instance/, '... one is another');
like($said, qr/pulled 1, failed 4\n\z/, '... and all are counted');
is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_study WHERE study = '1.2.3')), 0,
	'such a study is looked at again');
run_sql($database, q(DELETE FROM lesion_pacs_instance WHERE id <> '1.2.3.4.1'; TRUNCATE lesion_pacs_prediction));
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));
like($fake->below('proxy')->run($database, 'push', @known),
	qr/not sent 2[.]25[.]\d+: the answer does not say that it is stored.*sent 0, failed 2\n\z/s,
	'a page of a proxy is no word of the PACS');
like($fake->below('latin')->run($database, 'push', @known, '--retry'), qr/sent 0, failed 4\n\z/,
	'... and failed where the next run does not find it; an error that is no UTF-8 is one');
is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE image_id = '1.2.3.4.1' AND state = 'failed'
	AND error ~ 'HTTP 400: nicht f[?]r uns')), 2, '... and noted, with what can be read of it');
like($fake->below('busy')->run($database, 'push', @known, '--retry'), qr/sent 0, failed 2\n\z/,
	'a PACS that is busy takes nothing');
like($fake->run($database, 'push', @known),
	qr/not sent 2[.]25[.]\d+: the PACS refuses it: the SOP class is not supported \(0122H\).*sent 1, failed 1\n\z/s,
	'... and what it refuses when it is not is named');
is(run_sql($database, q(SELECT kind || ' ' || error FROM lesion_pacs_object WHERE image_id = '1.2.3.4.1'
	AND state = 'failed')),
	'seg the PACS refuses it: the SOP class is not supported (0122H)', '... and noted');
like($fake->run($database, 'push', @known), qr/sent 0, failed 0\n\z/, '... and not sent again');
done_testing();
