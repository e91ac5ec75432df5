-- Operators that a role with CREATE on the schema of the extension may leave there: one for each pair of
-- types for which pg_catalog has none, so that it would be taken where a query compares them unqualified. And functions
-- of the names of ours, with the arguments of a call that leaves some out, or that fit better where the types of its
-- arguments are not the exact ones.
SELECT 'CREATE ROLE tap_planter' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tap_planter') \gexec
GRANT CREATE ON SCHEMA public TO tap_planter;
SET ROLE tap_planter;
SET check_function_bodies = off;
SET search_path = pg_catalog;	-- none of what is planted runs here
DO $$
DECLARE
	types text[] := '{int2,int4,int8,float4,float8,numeric,text,varchar,name,bool,oid,regclass,timestamptz,timestamp,'
		'interval,bytea,jsonb,"char",regrole,regtype,text[],int4[],int8[],float8[],bytea[],jsonb[]}';
	operator text;
	l text;
	r text;
	result text;
BEGIN
	FOREACH l IN ARRAY types LOOP
		FOREACH r IN ARRAY types LOOP
			FOREACH result IN ARRAY '{bool,text,number}'::text[] LOOP
				EXECUTE format($f$CREATE FUNCTION public.trap_%s(a %s, b %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS
					'BEGIN RAISE EXCEPTION ''code of others ran as %%'', current_user; END'$f$, result, l, r,
					replace(result, 'number', l));
				FOREACH operator IN ARRAY CASE result WHEN 'bool' THEN '{=,<>,<,>,<=,>=}' WHEN 'text' THEN '{||,->>}'
						ELSE '{+,-,*,/,%}' END::text[] LOOP
					CONTINUE WHEN EXISTS (SELECT FROM pg_operator
						WHERE oprname = operator AND oprleft = l::regtype AND oprright = r::regtype
						AND oprnamespace = 'pg_catalog'::regnamespace);
					EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.trap_%s)',
						operator, l, r, result);
				END LOOP;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
-- For each function of pg_catalog that takes any type, those that take one, which fit better.
DO $$
DECLARE
	called record;
	t text;
	places text;
BEGIN
	FOR called IN
		SELECT p.proname AS name, array_agg(a.type ORDER BY a.place) AS arguments, p.prorettype::regtype::text AS result
		FROM pg_proc p, LATERAL (SELECT o::regtype::text AS type, place
			FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (o, place)) a
		WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs BETWEEN 1 AND 2 AND p.prokind IN ('f', 'a')
			AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype)
		GROUP BY p.oid
		HAVING bool_or(a.type ~ '^"?any') AND NOT bool_or(a.type ~ 'range|enum|internal|cstring')
	LOOP
		FOREACH t IN ARRAY '{text,int4,int8,float8,bytea,jsonb,bool,oid,timestamptz,text[],float8[]}'::text[] LOOP
			places := (SELECT string_agg(CASE WHEN a !~ '^"?any' THEN a WHEN a LIKE '%array' AND t NOT LIKE '%]'
				THEN t || '[]' ELSE t END, ', ' ORDER BY place)
				FROM unnest(called.arguments) WITH ORDINALITY AS u (a, place));
			BEGIN
				EXECUTE format($f$CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS
					'BEGIN RAISE EXCEPTION ''code of others ran as %%'', current_user; END'$f$, called.name, places,
					CASE WHEN called.result !~ '^"?any' THEN called.result WHEN called.result LIKE '%array'
						AND t NOT LIKE '%]' THEN t || '[]' WHEN called.result LIKE '%element' THEN rtrim(t, '[]')
						ELSE t END);
			EXCEPTION WHEN duplicate_function OR invalid_function_definition OR syntax_error THEN NULL;
			END;
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
-- A name alone no longer says which function is meant.
DO $$
DECLARE
	called text;
BEGIN
	FOREACH called IN ARRAY '{lesion_segment,lesion_segment_by_pin,lesion_instances,lesion_image_error,lesion_panel,
		lesion_degrade,lesion_quality,lesion_enhance,lesion_crop,lesion_follow,lesion_mask_error,lesion_dice,
		lesion_measure,lesion_dicom_seg,lesion_audit_write}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION public.%I(anyarray) RETURNS void LANGUAGE sql AS ''''', called);
	END LOOP;
END $$;
RESET search_path;
RESET ROLE;
