# calls.pl: every function of the extension with arguments that nobody should
# give it, chosen by their types.
use strict;
use warnings;
use Session qw(run_sql);

my @functions;
my $image = q{(SELECT image FROM archive WHERE id = 'lesion-1')};
my $mask = q{(SELECT mask FROM archive WHERE id = 'lesion-1')};
my @relations = map { "'$_'" } qw(archive pictures masks endless pg_class pg_stat_activity lesion_version lesion_models
	pg_toast.pg_toast_2618
	archive_pkey lesion_promotion_promotion_seq lesion_run lesion_prediction information_schema.columns);
my %values = (
	bytea => [$image, $mask, $image, $mask, q{''}, q{'\x00'}, q{decode(repeat('ff', 5000), 'hex')},
		"substr($image, 1, 200)", q{lesion_model_export('net')},
		q{(SELECT image FROM large)}],
	text => [map({ "'$_'" } '', qw(net net net unet linknet maskrcnn test all train image mask id ctid tableoid off auto
		always f32 bf16 hair blur lesion-1)), q{repeat('x', 100000)}, q{E'\\\\x01\\n"'}, q{'no such'}],
	regclass => [@relations, 0, 1259, 4294967295],
	integer => [0, 1, 2, 3, 16, 32, 64, -1, -2147483648, 2147483647, 65536],
	bigint => [0, 1, -1, '9223372036854775807', '(-9223372036854775808)'],
	'double precision' => [0, 0.1, 0.5, 1, -1, 2, q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '1e308', '1e-320'],
	boolean => ['true', 'false'],
	jsonb => [map({ "'$_'" } '{}', '{}', '[]', 'null', '1', '"x"', '{"base": 4, "depth": 1}', '{"base": -1}',
		'{"base": 1e300}', '{"depth": 99}', '{"enhance": "always"}',
		'{"members": [{"model": "net", "version": 1, "weight": 1}]}', '{"members": [1, null]}', '{"x": {"y": [[]]}}'),
		q{(repeat('[', 6000) || repeat(']', 6000))::jsonb}],
	'text[]' => ["'{}'", "'{NULL}'", q{'{hair}'}, q{'{hair,hair,contrast}'}, q{'{auto}'}, q{'{blur,noise}'},
		q{'{{a,b},{c,d}}'}, q{array_fill('x'::text, '{100000}')}],
	'integer[]' => ["'{}'", "'{NULL}'", "'{1}'", "'{1,5,100}'", "'{{1}}'", q{array_fill(1, '{100000}')}],
	'bigint[]' => ["'{}'", "'{NULL}'", "'{1}'", q{array_fill(1::bigint, '{50}')},
		q{array_fill(9223372036854775807, '{8}')}, "'{{1,2}}'", "'[5:6]={1,2}'"],
	'double precision[]' => ["'{}'", "'{NULL}'", "'{1}'", "'{0.5,NaN}'", q{array_fill(1e308::float8, '{10000}')}],
	record => ['NULL::masks', 'NULL::archive', 'ROW()', 'ROW(1)', q{(SELECT m FROM masks m LIMIT 1)},
		q{(SELECT ROW(1, m.id, m.mask)::record FROM masks m LIMIT 1)},
		q{jsonb_populate_record(NULL::masks, '{"images": "archive", "id": "1"}')}],
);

# A call: some arguments by position, each of its type, of another or NULL.
sub call_of {
	my ($function) = @_;
	my @given = map {
		my $known = $values{$_} // ["NULL::$_"];
		rand() < 0.12 ? 'NULL' : rand() < 0.03 ? $values{text}[int rand @{ $values{text} }]
			: $known->[int rand @$known];
	} @{ $function->{types} }[0 .. $function->{needed} - 1
		+ int rand($#{ $function->{types} } + 2 - $function->{needed})];
	my $arguments = join ', ', @given;
	return "CALL $function->{name}($arguments)" if $function->{kind} eq 'p';
	return "SELECT * FROM $function->{name}($arguments) AS f";
}

return {
	prepare => sub {
		my ($campaign) = @_;
		my $list = run_sql($campaign->database, <<'SQL');
SET client_min_messages = error;
CALL lesion_predict('archive', 'net', 'masks');
SELECT p.oid::regproc, p.prokind, p.pronargs - p.pronargdefaults,
	(SELECT string_agg(t::regtype::text, ';' ORDER BY n)
		FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'lesionseg' AND p.prokind <> 'a'
ORDER BY p.oid::regprocedure::text
SQL
		for my $line (split /\n/, $list) {
			my ($name, $kind, $needed, $types) = split /\|/, $line;
			push @functions, { name => $name, kind => $kind, needed => $needed, types => [split /;/, $types // ''] };
		}
	},
	step => sub {
		my ($campaign) = @_;
		$campaign->query(q{SET statement_timeout = '1s'; SET client_min_messages = error});
		for (1 .. 20) {
			my $function = Campaign::one_of(@functions);
			my $sql = call_of($function);
			$campaign->count('calls');
			my $answer = $campaign->query($sql) // return $campaign->problem("in $sql");
			$campaign->count('without an error') unless $answer =~ /ERROR:/;
			$campaign->problem("in $sql") if @{ $campaign->{problems} };
		}
	},
};
