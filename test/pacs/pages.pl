# pages.pl: more studies than an Orthanc lists at a time (odd.pl has PACSs that list them in other ways).
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion output);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_pages';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
my $lesion = make_lesion($database, 1, [24, 16], "$folder/lesion.dcm");
is(output("$FindBin::Bin/fill.py", $orthanc->{server}, $lesion, 420, 2000), '', 'Orthanc has 105 studies of 4 images');
# Where the planner knows the tables, the order of the first page may not be that of the others.
run_sql($orthanc->{database}, 'ANALYZE');
like($orthanc->run($database, 'pull'), qr/pulled 420, failed 0\n\z/, 'all are pulled');
like($orthanc->run($database, 'pull'), qr/pulled 0, failed 0\n\z/, '... once');
like($orthanc->run($database, 'pull', '--all', '--modality', 'SM'), qr/pulled 0, failed 0\n\z/,
	'and none of another modality');
is(run_sql($database, q(SELECT count(DISTINCT study) || ' ' || count(DISTINCT patient) FROM lesion_pacs_instance)),
	'105 105',
	'each stands with its study and patient');
done_testing();
