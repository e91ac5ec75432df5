# sources.pl: nothing is sent of an image that the PACS has erased, or given to another patient: an
# object would bring back the study or the patient.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use JSON::PP qw(decode_json);
use Pacs qw(make_lesion output read_file);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_sources';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
$orthanc->send_files(map { make_lesion($database, $_, [96, 72], "$folder/$_.dcm") } 1 .. 4);
like($orthanc->run($database, 'pull'), qr/pulled 4, failed 0\n\z/, 'images are pulled');
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));

# The series of each patient's studies, as "P3 1, P4 1".
sub patients {
	my $studies = decode_json($orthanc->ask('/tools/find', '--data', '{"Level":"Study","Query":{},"Expand":true}'));
	return join ', ', sort map { "$_->{PatientMainDicomTags}{PatientID} " . scalar @{ $_->{Series} } } @$studies;
}

# What Orthanc calls a patient.
sub patient {
	my ($id) = @_;
	my $query = qq({"Level":"Patient","Query":{"PatientID":"$id"}});
	return decode_json($orthanc->ask('/tools/find', '--data', $query))->[0];
}

# The image of a patient, as it was pulled.
sub image {
	my ($id) = @_;
	return run_sql($database, "SELECT id FROM lesion_pacs_instance WHERE patient = '$id'");
}

# The PACS erases the first study and merges the second patient.
my ($erased, $merged) = map { image($_) } qw(P1 P2);
$orthanc->ask('/patients/' . patient('P1'), '-X', 'DELETE');
$orthanc->ask('/patients/' . patient('P2') . '/modify', '--data', '{"Replace":{"PatientID":"MERGED"},'
	. '"Keep":["StudyInstanceUID","SeriesInstanceUID","SOPInstanceUID"],"Force":true,"KeepSource":false}');
is(patients(), 'MERGED 1, P3 1, P4 1', 'a study is erased and a patient merged');
my $said = $orthanc->run($database, 'push');
is($? >> 8, 1, 'push fails in part');
is(patients(), 'MERGED 1, P3 4, P4 4', '... and brings back neither');
like($said, qr/ sent 6, failed 4\n\z/, '... but sends what is of the others');
for my $kind (qw(seg picture)) {
	like($said, qr/$kind \Q$erased\E: the PACS no longer has this image in study [\d.]+ \(To forget it, /,
		"the $kind of an erased image is named");
	like($said, qr/$kind \Q$merged\E: in the PACS, study [\d.]+ is of another patient than in the file/,
		'... and that of another patient');
}
is(run_sql($database, q(SELECT string_agg(kind || ' ' || state || ' ' || substr(error, 1, 7), ', '
	ORDER BY kind, error) FROM lesion_pacs_object WHERE state <> 'sent')),
	'picture failed in the , picture failed the PAC, seg failed in the , seg failed the PAC', '... and noted');
like($orthanc->run($database, 'push'), qr/\A\S+ \S+ sent 0, failed 0\n\z/, 'they are not tried again');
like($orthanc->run($database, 'push', '--retry'), qr/ sent 0, failed 4\n\z/, '... but on request');
is(patients(), 'MERGED 1, P3 4, P4 4', '... and not sent');

# A report whose segmentation was sent before, too.
my $third = image('P3');
run_sql($database, "DELETE FROM lesion_pacs_object WHERE kind = 'report' AND image_id = '$third'");
$orthanc->ask('/patients/' . patient('P3'), '-X', 'DELETE');
like($orthanc->run($database, 'push'), qr/report \Q$third\E: the PACS no longer has .* sent 0, failed 1\n\z/s,
	'nor is a report sent alone');
is(patients(), 'MERGED 1, P4 4', '... and its study stays erased');

# What the messages say helps.
run_sql($database, "DELETE FROM lesion_pacs_instance WHERE id IN ('$erased', '$merged')");
like($orthanc->run($database, 'pull', '--all'), qr/ pulled 1, failed 0\n\z/,
	'the image of the merged patient is pulled anew');
my $again = $orthanc->run($database, 'push', '--retry');
like($again, qr/\Q$merged\E: the mask was made of another file than the image's/, '... its mask is of the file before');
run_sql($database, "DELETE FROM lesion_pacs_prediction WHERE id IN ('$erased', '$merged')");
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));
like($orthanc->run($database, 'push', '--retry'), qr/ sent 3, failed 1\n\z/, '... and what is of it is sent');
is(patients(), 'MERGED 4, P4 4', '... to that patient');

# Where the merged patient is there once more, the PACS lists the study twice.
$orthanc->send_files("$folder/2.dcm");
is(patients(), 'MERGED 4, P2 1, P4 4', 'two patients have the same study');
like($orthanc->run($database, 'pull', '--all'), qr/\A\S+ \S+ pulled 0, failed 0\n\z/, '... and the list is complete');
$orthanc->stop;

# Other PACSs say it in other ways.
my $log = "$folder/requests";
my $fake = Pacs->fake('http', 'odd.py', $log, "$folder/1.dcm");
run_sql($database, 'TRUNCATE lesion_pacs_instance, lesion_pacs_study, lesion_pacs_prediction, lesion_pacs_object');
$fake->below('one')->run($database, 'pull');
run_sql($database, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));

# What a push to the PACS of that name says, how many objects it noted as failed, and how often it sent something.
sub push_to {
	my ($name) = @_;
	run_sql($database, 'TRUNCATE lesion_pacs_object');
	unlink $log;
	my $said = $fake->below($name)->run($database, 'push', '--send', 'seg,picture');
	my ($why) = $said =~ / seg [\d.]+: (.*)\n/;
	my ($count) = $said =~ / (sent .*)\n\z/;
	return join '; ', $count, run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE state = 'failed')),
		scalar(() = read_file($log) =~ /^POST /mg), $why // ();
}

my $another = 'in the PACS, study 1.9.1 is of another patient than in the file that was pulled (Delete its row in '
	. 'lesion_pacs_instance, and in the table of predictions; pull --all fetches it anew.)';
my $gone = 'the PACS no longer has this image in study 1.9.1 (To forget it, delete its row in lesion_pacs_instance.)';
is(push_to('one'), 'sent 2, failed 0; 0; 1', 'PatientID in the list of instances');
is(scalar(() = read_file($log) =~ /^GET /mg), 1, '... takes one request');
is(push_to('another'), "sent 0, failed 2; 2; 0; $another", '... of another patient');
is(push_to('padded'), 'sent 2, failed 0; 0; 1', '... of the same, with blanks around it');
is(push_to('told_by_study'), 'sent 2, failed 0; 0; 1', 'PatientID in the list of studies alone');
is(push_to('other_by_study'), "sent 0, failed 2; 2; 0; $another", '... of another patient');
is(push_to('untold'), "sent 0, failed 2; 2; 0; $another", 'a study without a PatientID is of another patient');
is(push_to('empty'), "sent 0, failed 2; 2; 0; $gone", 'an empty list');
is(push_to('not_found'), "sent 0, failed 2; 2; 0; $gone", 'an error that says so');
is(push_to('nowhere'), 'sent 0, failed 2; 0; 0; the PACS answers HTTP 404: no',
	'where the URL may be wrong, the next run asks again');
is(push_to('trouble'), 'sent 0, failed 2; 0; 0; the PACS answers HTTP 500: no', '... or the PACS is in trouble');
is(push_to('unreadable'), 'sent 0, failed 2; 0; 0; an item of the answer has no valid SOPClassUID (00080016)',
	'... or the answer cannot be read');
done_testing();
