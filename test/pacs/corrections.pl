# corrections.pl: what a person drew in a viewer comes back as a mask to train
# on; what a program drew, or we did, does not.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion output save_bytea write_file);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_corrections';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
$orthanc->send_files(map { make_lesion($database, $_, [120, 90], "$folder/$_.dcm") } 1 .. 3);

# Predict in another way than the service does, and send the segmentations alone.
like($orthanc->run($database, 'pull'), qr/pulled 3, failed 0\n\z/, 'images are pulled');
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));
like($orthanc->run($database, 'push', '--send', 'seg'), qr/sent 3, failed 0\n\z/, 'segmentations are sent');
is(run_sql($database, q(SELECT string_agg(DISTINCT kind, ' ') FROM lesion_pacs_object)), 'seg', '... and nothing else');
like($orthanc->run($database, 'pull', '--masks'), qr/pulled 0, failed 0\n\z/, 'our own segmentations do not come back');

# Draw on the segmentation of a patient's image, as a viewer does: the one
# that is there, changed. Prints its SOP instance UID.
sub draw {
	my ($patient, $rows, $time, %set) = @_;
	my $uid = run_sql($database, "SELECT o.sop_instance FROM lesion_pacs_object AS o
		JOIN lesion_pacs_instance AS i ON i.id = o.image_id "
		. "WHERE i.patient = '$patient' AND kind = 'seg'");
	my $seg = $orthanc->fetch($uid, "$folder/seg.dcm");
	my $drawn = output("$FindBin::Bin/draw.py", $seg,
		"$folder/drawn.dcm", $rows, $time, map { "$_=$set{$_}" } sort keys %set);
	die $drawn if $?;
	$orthanc->send_files("$folder/drawn.dcm");
	chomp $drawn;
	return $drawn;
}

# The mask of a patient's image, as how many pixels are lesion and where it is from.
sub mask {
	my ($patient) = @_;
	return run_sql($database, "SELECT (lesion_metrics(mask, mask)).true_positive || ' ' || mask_from
		FROM lesion_pacs_instance WHERE patient = '$patient'");
}

my $first = draw('P1', 10, '101500');
like($orthanc->run($database, 'pull'), qr/pulled 0, failed 0\n\z/, 'without --masks a correction stays where it is');
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$first\E on .*pulled 1, failed 0\n\z/s,
	'with --masks it comes');
is(mask('P1'), "1200 $first", '... as the mask of its image');
like($orthanc->run($database, 'pull', '--masks', '--all'), qr/pulled 0, failed 0\n\z/, '... once');
my $earlier = draw('P1', 20, '091500');
like($orthanc->run($database, 'pull', '--masks'),
	qr/mask \Q$earlier\E on [\d.]+, which keeps one that was drawn later\n.*pulled 1, failed 0\n\z/s,
	'one that was drawn before it comes, too, and the log says that the image keeps its own');
is(mask('P1'), "1200 $first", '... so it does');
is(run_sql($database, "SELECT image_id = (SELECT id FROM lesion_pacs_instance WHERE patient = 'P1')
	FROM lesion_pacs_mask WHERE id = '$earlier'"), 't', '... with its image');
my $later = draw('P1', 30, '111500');
$orthanc->run($database, 'pull', '--masks');
is(mask('P1'), "3600 $later", 'a later one takes its place');

my $undated = draw('P1', 40, '121500', undated => 1);
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$undated\E on [\d.]+, which keeps one that was drawn later/,
	'one without a date is no later one');
is(mask('P1'), "3600 $later", '... and nothing changes');

# An image that is deleted and pulled again has its mask again.
run_sql($database, q(DELETE FROM lesion_pacs_instance WHERE patient = 'P1'));
like($orthanc->run($database, 'pull', '--all'), qr/pulled 1, failed 0\n\z/, 'an image is pulled again');
is(mask('P1'), "3600 $later", '... with the mask that was drawn last');

# A viewer lists all images of a series; the frame says which one was drawn on.
my $p1 = run_sql($database, q(SELECT id FROM lesion_pacs_instance WHERE patient = 'P1'));
my $listed = draw('P3', 4, '101500', also => $p1);
$orthanc->run($database, 'pull', '--masks');
is(mask('P3'), "480 $listed", 'of several images that are listed it is that of the frame');
is(mask('P1'), "3600 $later", '... and the others keep theirs');
my $unclear = draw('P3', 6, '121500', also => $p1, unnamed => 1);
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$unclear\E has no mask: it names several images/,
	'where no frame says it, none is taken');
is(mask('P3'), "480 $listed", '... so nothing changes');

# What is no person's.
my $automatic = draw('P2', 10, '101500', SegmentAlgorithmType => 'AUTOMATIC');
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$automatic\E has no mask: a program made it/,
	'what another program made is none');
my $second = draw('P2', 13, '101500', before => 1);
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$second\E has no mask: a program made it/,
	'... whichever segment is listed before it');
my $ours = draw('P2', 11, '101500', Manufacturer => 'lesionseg');
like($orthanc->run($database, 'pull', '--masks'), qr/pulled 0, failed 0\n\z/, 'and what another lesionseg made');
is(run_sql($database, q(SELECT mask IS NULL FROM lesion_pacs_instance WHERE patient = 'P2')), 't',
	'... so that image has no mask');

# What is broken is noted, and the others go on.
my $broken = draw('P2', 12, '101500', SegmentationType => 'NONSENSE');
my $good = draw('P3', 5, '101500');
my $said = $orthanc->run($database, 'pull', '--masks');
like($said, qr/mask \Q$broken\E has no mask: 22P03/, 'a segmentation that cannot be read is the error of its row');
is(mask('P3'), "600 $good", '... and the next one comes');
is(run_sql($database, "SELECT error ~ '^22P03' FROM lesion_pacs_mask WHERE id = '$broken'"), 't',
	'... its error stands in the table');

my $small = draw('P3', 7, '131500', cut => 50);
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$small\E has no mask: .* pulled 0, failed 1\n\z/s,
	'one of another size than its image gives no mask, and does not count as pulled');
is(mask('P3'), "600 $good", '... nor in its place');
is(run_sql($database, "SELECT error <> '' FROM lesion_pacs_mask WHERE id = '$small'"), 't',
	'... its error stands in the table');

# A time to come counts as the time when it came.
my $wrong = draw('P3', 8, '101500', ContentDate => '99991231');
$orthanc->run($database, 'pull', '--masks');
is(mask('P3'), "960 $wrong", 'a drawing of the year 9999 is taken');
my ($date, $time) = split / /, run_sql($database,
	q(SELECT to_char(localtimestamp + interval '1 hour', 'YYYYMMDD HH24MISS')));
my $after = draw('P3', 9, $time, ContentDate => $date);
like($orthanc->run($database, 'pull', '--masks'), qr/mask \Q$after\E on [\d.]+\n.*pulled 1, failed 0\n\z/s,
	'... and one that is drawn after it came');
is(mask('P3'), "1080 $after", '... takes its place');

# The masks train.
is(run_sql($database, q(SELECT count(*) FROM lesion_pacs_instance AS i WHERE mask IS NOT NULL
	AND lesion_mask_error(mask, image) IS NULL)), 2,
	'the masks fit their images');
done_testing();
