# odd.pl: PACSs that are legal and odd: whose lists keep no order, that know no
# offset, whose items or files are not as others have them. Nothing is lost
# without a word.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use MIME::Base64 qw(encode_base64);
use POSIX qw(WNOHANG);
use Pacs qw(make_lesion output read_file save_bytea wait_until write_file);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_odd';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $lesion = make_lesion($database, 1, [64, 48], "$folder/lesion.dcm");
my $log = "$folder/requests";
my $fake = Pacs->fake('http', 'odd.py', $log, $lesion, "$folder/seg.dcm");

# The PACS of that name.
sub odd { return $fake->below($_[0]); }

# A PACS that gives two bytes a second: what becomes of it is seen in the end, for it takes two minutes.
fresh_database('pacs_trickle');
run_sql('pacs_trickle', '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $trickle = odd('trickle')->spawn('pacs_trickle', "$folder/trickle", 'pull', '--dry-run');

# How many instances would be pulled from it, each one once, how many failures there are, and what else is said.
sub count {
	my ($name) = @_;
	my $said = odd($name)->run($database, 'pull', '--dry-run');
	my ($counted) = $said =~ /would have (pulled \d+, failed \d+)\n\z/ or return $said;
	my %different = map { $_ => 1 } $said =~ /would pull ([\d.]+)/g;
	return join '; ', $counted, (map { s/^\S+ \S+ //r } grep { !/would/ } split /\n/, $said),
		$counted =~ /pulled ${\scalar keys %different},/ ? () : 'some of them twice';
}

# Lists by pages.
is(count('unstable'), 'pulled 250, failed 0', 'studies whose order changes from page to page are all found');
is(count('unstable_study'), 'pulled 2500, failed 0', '... and so are instances of a study');
is(count('small_pages'), 'pulled 250, failed 0', 'pages that are smaller than they may be');
is(count('no_offset'), 'pulled 250, failed 0', 'a PACS that knows no offset');
is(count('no_pages'), 'pulled 250, failed 0', '... and no limit');
is(count('first_page'), 'pulled 100, failed 1; the list of studies: 100 were listed, and there may be more: the PACS '
	. 'gives the same ones on several pages (Let it list fewer, by --match StudyDate=20260101- for example.)',
	'a PACS that gives its first page alone: it is said');
like(count('fewer'), qr/^pulled 4, failed 1; study 1[.]9[.]1: the PACS speaks of 5 and lists 4/,
	'a study of which fewer instances are listed than it has');
my $endless = odd('endless')->run($database, 'pull', '--dry-run', '--limit', 3);
like($endless, qr/study 1[.]9[.]1: 100 studies have more than 200000 instances to pull [(]Call again/,
	'a study without an end is not read on');
like($endless, qr/study 1[.]9[.]2: .*would have pulled 3, failed 2\n\z/s,
	'... nor is the next one, and what is known comes');
like(count('huge'), qr/lesionseg-pacs: the answer is larger than 16 MB .*--match/,
	'a list of 20 MB is not read');

# Items.
my $said = odd('invalid')->run($database, 'pull');
like($said, qr/ pulled 8, failed 5\n\z/, 'of five studies with three instances the valid ones are pulled');
like($said, qr/the list of studies: 1 left out: an item of the answer has no valid StudyInstanceUID/,
	'... a study without UID is named');
is(scalar(() = $said =~ /study 1[.]9[.]\d: 1 left out: an item of the answer has no valid SOPClassUID/g), 4,
	'... and so is an instance in each of the others');
is(run_sql($database, 'SELECT count(*) FROM lesion_pacs_study'), 0, '... which are looked at again');
run_sql($database, 'TRUNCATE lesion_pacs_instance');
like(odd('twice')->run($database, 'pull'), qr/ pulled 2, failed 0\n\z/, 'what is listed twice is pulled once');
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
like(odd('zeros')->run($database, 'pull'), qr/ pulled 1, failed 0\n\z/,
	'a UID with a leading zero, as some devices write');
is(run_sql($database, 'SELECT study FROM lesion_pacs_instance'), '1.9.01', '... is taken as it is');

# Files.
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
like(odd('single')->run($database, 'pull'), qr/ pulled 2, failed 0\n\z/,
	'an answer that is one file and no multipart body');
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
my @captures = ('--sop-class', '1.2.840.10008.5.1.4.1.1.7');
like(odd('ours')->run($database, 'pull', @captures),
	qr/left out 1[.]9[.]1[.]1[.]1 lesionseg made it\n.* pulled 0, failed 0\n\z/,
	'a picture of ours is known as such by its file, where the list names no manufacturer');
like(odd('ours')->run($database, 'pull', @captures), qr/\A\S+ \S+ pulled 0, failed 0\n\z/, '... and not fetched again');
run_sql($database, "ALTER DATABASE $database SET lesionseg.max_memory = '16MB'");
run_sql($database, 'TRUNCATE lesion_pacs_study');
like(odd('ours_long')->run($database, 'pull', @captures), qr/left out .* lesionseg made it\n.* pulled 0, failed 0\n\z/,
	'... though its attributes are too long to be read');
run_sql($database, "ALTER DATABASE $database RESET lesionseg.max_memory");
like(odd('ours_padded')->run($database, 'pull', @captures, '--all'), qr/\A\S+ \S+ pulled 0, failed 0\n\z/,
	'... or by the list, with a blank at the end');
like(odd('others')->run($database, 'pull', @captures, '--all'), qr/ pulled 1, failed 0\n\z/, 'that of another comes');

# --limit is about what comes.
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
like(odd('fails')->run($database, 'pull', '--limit', 2, '--connections', 1), qr/ pulled 2, failed 3\n\z/,
	'--limit does not count what fails');

# What is sent, as the PACS counts it.
sub sent {
	my ($kind) = @_;
	return scalar(() = read_file($log) =~ /^POST .*\b$kind \d/mg);
}
sub posts { return scalar(() = read_file($log) =~ /^POST /mg); }
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
odd('single')->run($database, 'pull');
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));
like(odd('refuses_seg')->run($database, 'push'), qr/ sent 2, failed 2\n\z/, 'a PACS that takes no segmentation');
is(join(' ', map { sent($_) } qw(SEG OT SR)), '2 2 0', '... is sent no report on one');
like(odd('takes')->run($database, 'push'), qr/\A\S+ \S+ sent 0, failed 0\n\z/, '... and that waits');
is(posts(), 2, '... without a request');
like(odd('takes')->run($database, 'push', '--retry'), qr/ sent 4, failed 0\n\z/, '... until the segmentation is there');
is(join(' ', map { sent($_) } qw(SEG OT SR)), '4 2 2', '... and goes after it');
my $posts = posts();
like(odd('takes')->run($database, 'push'), qr/ sent 0, failed 0\n\z/, 'nothing is left to do');
like(odd('takes')->run($database, 'push', '--retry'), qr/ sent 0, failed 0\n\z/, '... not even by --retry');
is(posts(), $posts, '... and nothing is sent');

# A report on a mask that is not the one that was sent.
run_sql($database, q(DELETE FROM lesion_pacs_object WHERE kind = 'report';
	UPDATE lesion_pacs_prediction SET mask = (SELECT mask FROM lesion_synthetic(5, 64, 48))));
like(odd('takes')->run($database, 'push'),
	qr/the segmentation that was sent is of another mask .*lesion_pacs_object.* sent 0, failed 2\n\z/s,
	'a report on another mask than the one that was sent is not made');
run_sql($database, q(DELETE FROM lesion_pacs_object WHERE kind = 'seg'));
like(odd('takes')->run($database, 'push', '--retry'), qr/ sent 4, failed 0\n\z/, '... but with its segmentation it is');

# However much is sent, the server is asked once where the tables are.
run_sql($database, "TRUNCATE lesion_pacs_object; ALTER DATABASE $database SET log_statement = 'all'");
like(odd('takes')->run($database, 'push'), qr/ sent 6, failed 0\n\z/, 'six objects are sent');
is(scalar(() = read_file($ENV{LESIONSEG_LOG}) =~ /pg_catalog\.current_schemas/g), 1,
	'... and the tables are looked for once');
run_sql($database, "ALTER DATABASE $database RESET log_statement");

# Answers that do not name what was sent: of a PACS that stores it under a UID of its own, and an empty one.
for my $name (qw(renames silent)) {
	run_sql($database, 'TRUNCATE lesion_pacs_object');
	$posts = posts();
	like(odd($name)->run($database, 'push', '--send', 'seg'),
		qr/not sent 2[.]25[.]\d+: the answer does not say that it is stored.* sent 0, failed 2\n\z/s,
		"$name: what an answer does not name is not sent");
	like(odd($name)->run($database, 'push', '--send', 'seg'), qr/(not sent.*){2} sent 0, failed 2\n\z/s,
		'... and failed where the next run does not find it');
	is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE state = 'failed'
		AND error ~ 'the answer does not say')), 2, '... which is noted');
	like(odd($name)->run($database, 'push', '--send', 'seg'), qr/\A\S+ \S+ sent 0, failed 0\n\z/, '... once');
	is(posts(), $posts + 2, '... and not sent again');
}
like(odd('coerces')->run($database, 'push', '--send', 'seg', '--retry'),
	qr/(the PACS warns of 2[.]25[.]\d+: it changed some of its elements \(B000H\)\n.*){2}sent 2, failed 0\n\z/s,
	'a warning of the PACS about what it stored is said');
is(run_sql($database, q(SELECT DISTINCT state || ' ' || coalesce(error, 'no error') FROM lesion_pacs_object)),
	'sent no error', '... and it is sent');
like(odd('takes')->run($database, 'push'), qr/ sent 4, failed 0\n\z/, '... so that the rest follows');

# Rows of objects on their way that this program did not write: what they say goes into no URL, and ends nothing.
my $sending = q(DELETE FROM lesion_pacs_object WHERE kind = 'picture' OR image_id = 'planted';
	INSERT INTO lesion_pacs_object (image_id, model, version, kind, state, sop_instance, series, study)
	VALUES ('planted', 'linknet', 0, 'seg', 'sending', '1.9.9', %s, %s));
run_sql($database, sprintf $sending, q('x?a=b#'), q('../../admin'));
run_sql($database, q(INSERT INTO lesion_pacs_object (image_id, model, version, kind, state)
	VALUES ('planted', 'linknet', 0, 'report', 'sending')));
like(odd('takes')->run($database, 'push'),
	qr/(not sent planted: its row .* no valid UIDs .*){2} sent 2, failed 2\n\z/s,
	'objects on their way with no UIDs, or none that are, are refused, and others are sent');
unlike(read_file($log), qr/admin|a=b/, '... without a request');
like(odd('takes')->run($database, 'push'), qr/\A\S+ \S+ sent 0, failed 0\n\z/, '... once');
is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE image_id = 'planted' AND state = 'failed'
	AND error ~ 'no valid UIDs')), 2, '... which is noted');
run_sql($database, sprintf $sending, q('1.9.1.1'), q('1.9.1'));
like(odd('trouble')->run($database, 'push'),
	qr/not known whether sent 1[.]9[.]9: the PACS answers HTTP 500.* sent 0, failed 3\n\z/s,
	'a PACS that cannot tell of one object is asked of the others');
is(run_sql($database, q(SELECT state FROM lesion_pacs_object WHERE image_id = 'planted')), 'sending',
	'... and of that by the next run');
like(odd('takes')->run($database, 'push'), qr/ sent 2, failed 0\n\z/, '... which sends what it lacks');

# An image that came in another way, of a study that has no UID.
output('dcmodify', '-nb', '-m', '(0020,000d)=..', write_file("$folder/other.dcm", read_file($lesion)));
my $image = encode_base64(read_file("$folder/other.dcm"), '');
run_sql($database, "INSERT INTO lesion_pacs_instance (id, series, study, sop_class, image)
	VALUES ('other', '1', '..', '1', decode('$image', 'base64'));
	INSERT INTO lesion_pacs_prediction (id, mask, model, version)
	SELECT 'other', mask, 'linknet', 0 FROM lesion_synthetic(1, 64, 48)");
$posts = posts();
like(odd('takes')->run($database, 'push'),
	qr/seg other: the image is of study "[.][.]", which is no UID\n.* failed 2\n\z/s,
	'what has no UID is not asked for');
is(posts(), $posts, '... and not sent');

# A person's mask, listed twice.
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study');
odd('one')->run($database, 'pull');
save_bytea($database, 'SELECT lesion_dicom_seg(i.image, s.mask) FROM lesion_pacs_instance AS i,
	lesion_synthetic(1, 64, 48) AS s', "$folder/seg.dcm");
like(odd('swapped')->run($database, 'pull', '--masks'),
	qr/not pulled 1\.9\.1\.2\.1: the PACS answered with the file of another instance.* pulled 0, failed 1\n\z/s,
	'the file of another mask is not stored');
like(odd('masks')->run($database, 'pull', '--masks'), qr/ pulled 1, failed 0\n\z/,
	'a mask that is listed twice is one');
is(run_sql($database, 'SELECT mask_from FROM lesion_pacs_instance'), '1.9.1.2.1', '... and stands with its image');

# A table that another role put among those of lesionseg-pacs.
run_sql($database, 'CREATE ROLE pacs_odd_planter; ALTER TABLE lesion_pacs_study OWNER TO pacs_odd_planter');
like(odd('one')->run($database, 'pull'),
	qr/42501: table "public.lesion_pacs_study" belongs to role "pacs_odd_planter", others .* to another role/,
	'a table of another role is not worked on');
my @tables = qw(instance prediction object mask);
run_sql($database, join '; ', map { "ALTER TABLE lesion_pacs_$_ OWNER TO pacs_odd_planter" } @tables);
like(odd('one')->run($database, 'pull'),
	qr/42501: table "public.lesion_pacs_instance" belongs to role "pacs_odd_planter", and .* as a superuser/,
	'nor are tables of one role by a superuser');
run_sql($database, 'CREATE ROLE pacs_odd_service LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON '
	. join(', ', map { "lesion_pacs_$_" } @tables, 'study') . ' TO pacs_odd_service');
{
	local $ENV{PGUSER} = 'pacs_odd_service';
	like(odd('one')->run($database, 'pull'), qr/ failed 0\n\z/, '... they are by a role that has grants');
}
run_sql($database, 'ALTER TABLE lesion_pacs_study OWNER TO CURRENT_USER');
like(odd('one')->run($database, 'pull'), qr/42501: table "public.lesion_pacs_instance" belongs to/,
	'... unless one of them is of another');
run_sql($database, 'DROP OWNED BY pacs_odd_planter, pacs_odd_service; DROP ROLE pacs_odd_planter, pacs_odd_service');

my $ended = wait_until(240, sub { waitpid($trickle, WNOHANG) > 0 });
kill 'TERM', $trickle unless $ended;
ok($ended, 'an answer that trickles ends the run');
like(read_file("$folder/trickle"), qr/lesionseg-pacs: no answer from the PACS: .*too slow/, '... and the log says why');
done_testing();
