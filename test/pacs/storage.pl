# storage.pl: lesion_predict on the rows of an Orthanc whose storage is in the
# same database, by the view of docs/pacs.md.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion read_file);
use Session qw(fresh_database run_sql);
use Test::More;

my $folder = tempdir(CLEANUP => 1);
fresh_database('pacs_storage');
my $orthanc = Pacs->new;
$orthanc->send_files(map { make_lesion('pacs_storage', $_, [120, 90], "$folder/$_.dcm") } 1 .. 5);

# The page's own SQL, in Orthanc's database.
my @blocks = read_file("$FindBin::Bin/../../docs/pacs.md") =~ /^```sql orthanc\n(.*?)^```/msg;
is(scalar @blocks, 2, 'the page has a view and a call');
run_sql($orthanc->{database}, 'CREATE EXTENSION lesionseg');
run_sql($orthanc->{database}, $blocks[0]);
is(run_sql($orthanc->{database}, 'SELECT count(*) FROM orthanc_instance
	WHERE (lesion_dicom_info(image)).sop_instance = id'), 5,
	'the view has every image with its UID');
run_sql($orthanc->{database}, $_) for split /(?<=;)\n/, $blocks[1];
is(run_sql($orthanc->{database}, q(SELECT count(*) FROM masks WHERE mask IS NOT NULL)), 5,
	'lesion_predict reads the rows of the PACS');
is(run_sql($orthanc->{database}, q(SELECT count(*) FROM masks JOIN orthanc_instance USING (id)
	WHERE masks.mask = lesion_segment(image, 'linknet'))), 5,
	'... and each mask is that of its image');

# What is no photograph is not in it: our own results, once they are sent.
run_sql($orthanc->{database}, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
$orthanc->run($orthanc->{database}, 'pull');
# One that somebody wrote into the table for a table of his own: the page's query leaves it out.
run_sql($orthanc->{database}, q(INSERT INTO masks
	SELECT (jsonb_populate_record(m, '{"images": "public.mine", "model": "unet"}')).*
	FROM masks AS m));
my ($copy) = read_file("$FindBin::Bin/../../docs/pacs.md") =~ /`(INSERT INTO lesion_pacs_prediction [^`]*)`/;
run_sql($orthanc->{database}, $copy);
is(run_sql($orthanc->{database}, 'SELECT string_agg(DISTINCT model, $$,$$) FROM lesion_pacs_prediction'), 'linknet',
	"the page's query takes the masks of the view alone");
like($orthanc->run($orthanc->{database}, 'push'), qr/sent 15, failed 0\n\z/, 'the masks go to the PACS');
is(run_sql($orthanc->{database}, 'SELECT count(*) FROM orthanc_instance'), 5,
	'... and the view has the photographs alone');
done_testing();
