# control_path.pl: an extension in a folder on extension_control_path, which
# PostgreSQL has from 18 on, brings the weights that lie beside its control file.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql);
use Test::More;

plan skip_all => 'PostgreSQL has extension_control_path from 18 on'
	if run_sql('postgres', q{SELECT current_setting('server_version_num')::int}) < 180000;

my $share = run_sql('postgres', q{SELECT setting FROM pg_config WHERE name = 'SHAREDIR'}) . '/extension';
my $folder = File::Temp->newdir('/tmp/lesionseg.XXXXXX');
for my $made ('', '/extension', '/extension/lesionseg') {
	mkdir "$folder$made";
	chmod 0755, "$folder$made";
}
for my $file (glob("$share/lesionseg.control $share/lesionseg--*.sql"), "$share/lesionseg/linknet.safetensors") {
	my $copy = "$folder/extension" . substr $file, length $share;
	copy($file, $copy) or die "$file: $!\n";
	chmod 0644, $copy;
}
my $name = 'tap_control_path';
run_sql('postgres', "DROP DATABASE IF EXISTS $name");
run_sql('postgres', "CREATE DATABASE $name");
run_sql($name, "SET extension_control_path = '$folder:\$system'; CREATE EXTENSION lesionseg");
my $models = q{SELECT string_agg(model, ' ' ORDER BY model) FROM lesion_models WHERE version = 0};
is(run_sql($name, $models), 'linknet', 'the first folder on the path has one network, and that is what comes');
run_sql($name, "DROP EXTENSION lesionseg; SET extension_control_path = '\$system:$folder'; CREATE EXTENSION lesionseg");
is(run_sql($name, $models), 'convmixer lesion linknet maskrcnn unet', "where the server's own is first, all come");
is(run_sql($name, q{LOAD 'lesionseg'; SELECT (SELECT version FROM pg_get_loaded_modules()
	WHERE module_name = 'lesionseg') = default_version FROM pg_available_extensions WHERE name = 'lesionseg'}), 't',
	'the module names its version');
run_sql('postgres', "DROP DATABASE $name");
done_testing();
