# exports.pl: the module gives the server no names but those that it looks up.
# Any other may be one that another extension has, too: the first that was
# loaded would be called by both.
use strict;
use warnings;
use Test::More;

my $folder = `\${PG_CONFIG:-pg_config} --pkglibdir`;
chomp $folder;
my @names = map { (split)[-1] } `nm -D --defined-only $folder/lesionseg.so`;
is($?, 0, 'nm reads the installed module');
cmp_ok(scalar(grep { /^pg_finfo_lesion_/ } @names), '>', 50, '... which has SQL functions');
is(join(' ', grep { !/^(lesion_|pg_finfo_lesion_|Pg_magic_func$|_PG_init$)/ } @names), '',
	'... and exports nothing else');
my %is_function = map { $_ => 1 } map { /^pg_finfo_(.*)/ } @names;
is(join(' ', grep { /^lesion_/ && !$is_function{$_} } @names), '', '... no function of C alone');
done_testing();
