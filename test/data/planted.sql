-- Operators that a role with CREATE on the schema of the extension may leave there: one for each pair of
-- types for which pg_catalog has none, so that it would be taken where a query compares them unqualified. And functions
-- of the names of ours, with the arguments of a call that leaves some out, or that fit better where the types of its
-- arguments are not the exact ones.
CREATE ROLE tap_planter;
GRANT CREATE ON SCHEMA public TO tap_planter;
SET ROLE tap_planter;
DO $$
DECLARE
	types text[] := '{int2,int4,int8,float4,float8,numeric,text,varchar,name,bool,oid,regclass,timestamptz,timestamp,'
		'interval,bytea,jsonb,"char"}';
	operator text;
	l text;
	r text;
	result text;
	planted int := 0;
BEGIN
	FOREACH l IN ARRAY types LOOP
		FOREACH r IN ARRAY types LOOP
			FOREACH operator IN ARRAY '{=,<>,<,>,<=,>=,+,-,*,/,%,||}'::text[] LOOP
				CONTINUE WHEN EXISTS (SELECT FROM pg_operator
					WHERE oprname = operator AND oprleft = l::regtype AND oprright = r::regtype
					AND oprnamespace = 'pg_catalog'::regnamespace);
				result := CASE WHEN operator IN ('=', '<>', '<', '>', '<=', '>=') THEN 'bool'
					WHEN operator = '||' THEN 'text' ELSE l END;
				EXECUTE format($f$CREATE FUNCTION public.trap_%s(a %s, b %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS
					'BEGIN RAISE EXCEPTION ''code of others ran as %%'', current_user; END'$f$, planted, l, r, result);
				EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.trap_%s)',
					operator, l, r, planted);
				planted := planted + 1;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION public.lesion_heat_map(text[], text[], float8[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END';
CREATE FUNCTION public.lesion_bootstrap(figures float8[], draws int, confidence numeric, seed int,
	OUT mean float8, OUT low float8, OUT high float8) LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END';
CREATE FUNCTION public.lesion_drift(oid, boolean) RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END';
CREATE FUNCTION public.lesion_robustness_cells(text, int, oid) RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END';
RESET ROLE;
