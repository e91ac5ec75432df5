-- Odd images in every degradation, measure and step: grey, one pixel, a column, a
-- row, black, white, fully transparent, 16 bits.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(16);

CREATE TABLE odd (name text PRIMARY KEY, constant boolean, channels int, image bytea);
INSERT INTO odd VALUES
	('grey', false, 1,
		'\x89504e470d0a1a0a0000000d4948445200000014000000100800000000337300c7000000fa4944415478da6360e0955237'
		'71f48bce286dea9fb372dbe10b775f7d67601751d4b3f6084dcaafe99cb678c3de53d79f7cfcc720a369e61c109b55de3271'
		'deea1d472fdd7ff3934d98c1de2732adb8a177d6f22d07cfdd7ef195891fa88aa1a0b66bfa928dfb4edf78fae93f8fa49ab1'
		'836f543ac3fa3d27af3dfef0974b5cc5d0ce3b22b5a8be67e632863f9c62ca06b65ee1298575dd33966eda7fe6e6b3cf0ca8'
		'3c88fb180e9cbdf5fc0b239fb486a9937f4c6659f384b9abb63398bb04c66557b44e9abf66e7b1cb0fdefe02b99b018b3d9b'
		'19e07a8e5cbcf7fa07ab90bc8ea51b03ba2a901d0cc866c1c280018bee60068c70631194030079c89f8123539f8d00000000'
		'49454e44ae426082'),
	('one grey pixel', true, 1,
		'\x89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a4944415478da636800000082'
		'0081da45083b0000000049454e44ae426082'),
	('one pixel', true, 3,
		'\x89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da633831ad0200'
		'040001d7862edda40000000049454e44ae426082'),
	('a column', false, 3,
		'\x89504e470d0a1a0a0000000d494844520000000100002710080200000052e785f2000004944944415478daedd3d156080a'
		'0044d1831042082184104208218410420821841042082184104208218410420821841042082184104208215ceff71766ce27'
		'ccdaf06f050c0a52c8b028458c4a62646c4249930a9436ad4259b31a989a5b52c9a23e552c1b53cdaa3916d676d4b669475d'
		'db4ed4b7eb86b5bd334d1cfad2cc71202d9c8662e7ec415b9731b4779d4047b72938bafbd2cd63363d3ce7d3cb6b312ede41'
		'f4f759c540df750cf6db84bb7f38230276322a702f63820ee2151cc3c490134c0e3dc3d4b00bf88627322be23a73226f332f'
		'ea3e01d1692c8e79c6d2d8572c8f7b47707c366b12beb22ef1271b92fe12966cc0d694226c4f2dc1ceb43244a69bb22fa332'
		'0732ab7328ab3631d9561ccf69c4c9dc669cce6b453cf65c30e8c825c3ae5c31ea4992b10b374d0670db740877cd46906aee'
		'c9238bf13cb19ccc33abe96458fbf1da661e6f6d17f1de6e19d9f6c17c7158cb37c78dfc70da4a9e73047f5df690dff50005'
		'dd8e60e81e4b318fd394f03c4f29afcb98782751dee716157def51d9ef11e6fee9d4087849adc0b7d409fa8855700e0d437e'
		'd038f40f4dc30a601b6e48ab88e2b4892c4dbba8f238449bd139a61a5d636bd13dae1ecef1d6f449684abfc4960c486a8b5b'
		'b2034353ba303cb50723d3fae099eecab88cc14cc81ccea4acd1f8647b313d67123373a7313b6f16feff5a60b09045864b59'
		'62b49220e310569a6c60b5e916d69aed20d43c924d16fbd96279986d56c789b08e63b7cd39f6da5e62bfdd35a2ed9339e270'
		'97638e0f39e1f49438e70ccebabce1bceb072eba7d21d13d976b1ebfb9e1999f5b5e8549f136e2be4f291efa96e3b15f25d2'
		'fdcd791150935781757913d490ac601b3e86b4e073681bbe86752037dc915f11ddf913d99b7c51fd318876a370cc308ac68e'
		'a278dc388ce3bd29933095728933a9903417b3e400aaa62ca17aea0a6aa6adc1323d947a199b6990b99d4659bbb1c98ea279'
		'ce215ae61ea375dea97fefc7d3c1e0229d0cafd2c5e8264ec629f43479406fd327f4357b81ab7926832cde33c4f233c3acbe'
		'e3619dc7689b7c8cb52dc478bb6278db1b33c5a12cd31c2b32c3a92a7ece16cc75a9c37cd7062c746b42a0bb2dcb3c5ab3c2'
		'b33dabbc3a13e2edc47a9f5e6cf4edc766bf4184fbbbb3236024bb02c7b227682251c13e1c0c99c1e1d0391c0d5b406c7820'
		'a7229673267235e7a2d693101dc6e5986d5c8dddc5f5b87d24c7477327e128f7124ff220e92c69c9093c4db9c2f3d41bbc4c'
		'bb43667a2aef321ef321f3399fb25e93939dc5f79c4ffcccfdc6efbc5fc8bffccbbffccbbffccbbffccbbffccbbffccbbffc'
		'cbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbf'
		'fccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccb'
		'bffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffc'
		'cbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbffccbbf'
		'fccbbffccbfffffcff076ab01407aa373bbd0000000049454e44ae426082'),
	('a row', false, 3,
		'\x89504e470d0a1a0a0000000d4948445200002710000000010802000000f7bc235c000003ed4944415478daedd25ba20a00'
		'0005c01042082184104208218410420821841042082184104208218410c2450821841042082184104208218f4df83cb38621'
		'10088402c4828548458b904b9229d492d40aa56955cad26bd018ac4accfa55588dabb19b3339fcdadc7675799deaf3bb7104'
		'9226c2becd44035b8887f225cab6d231ed65133acaa78814ba6ecad93d54f37ba9174b35e6feda550375eb06eb37290c8e11'
		'c69da34c7bc7980faa2d9e89d613936d67a6da2fe81cc159ceeb735cb7e7e5dd37ba638b3dcf967a5f2df7bdb3f8d36b025f'
		'd7057f6e08fdb587895b2345b6474bec8c9571c569fb12950f24ab1f4ad5f6a4d9c7338d4e669b9dceb5f2130417881d2f91'
		'ba5e21f70c51a437a9036ed386dca58f8832548f98e39fb0263f634f4f70f4afb9f3def216bde72f4b0b2c5f846bbf8936fe'
		'106fcd499c7fa57bf2cb0e14941f2129bcc594a74ba8ce97525fa66a42e5b5b72aeaee55d63f6218e2358c2f6b99ded6317f'
		'645b320dad3f1adbfe34b517e03948ad9cc5dbb84ab7cb2b2f74d33b7baa75f5d6eaeeab27f173fa049af60bb61c106a2b0f'
		'0b8746ba0c8ff61819eba38acbc625064f480e9f941aad4daba76726cdcc4e9b9d9b6520181610172e222d5d425e69a65857'
		'5237aca66d594bdf6163b83631f76f611ddec63eeee4f87673cfede55ddacfbfe616848f08ef1e133d3c217eea9324ce4adf'
		'9c977db828ff125464af297fdf50e5bfa52e1cd190ef6b4b3dd4957bacaf1437305e186bbe32d57d636e98b2703f5a5b7cb6'
		'b5f96aef9075887e39bbff71f5ce97d79fe89617f60c2bea1d55dc378ee2d794094c2d179c592134971e36568d2ca91e5d51'
		'33b68615b7d54b6c6e90dcde28b59b9bce6b9e39d4327bac75ee9480e0ef40bcd88974b50bf9a69812e9497dd09bf6a42ffd'
		'858c911cc47c3f84f57918fbbb92931bcdcd379657683cbf98464099222c3b4d547186b8aa5ec29c2bad335fd660a1bc8949'
		'c15ba66cbd42d57e95bab355235eafedb551d76fb37e90c3a0d8611cb9cb34768f79629e457bd03ae3b06dce51fb02afc374'
		'cab9fc8c6bf5b9bcf501b7fdb267db55efaeebbe7d61bffb4ee0e8bde0c907a1b3b170e069e4caf3e88d97b13bc978f45de2'
		'f187e4f34fa9d79974ea7be6d3cfecb7dfb95ff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff8'
		'8ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88fff'
		'f88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88f'
		'fff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff88ffff8ff7fffff0359cc14072bf25d'
		'550000000049454e44ae426082'),
	('black', true, 3,
		'\x89504e470d0a1a0a0000000d49484452000000180000001808020000006f15aaaf000000164944415478da63601805a360'
		'148c8251300a860f000006d800011d16488e0000000049454e44ae426082'),
	('white', true, 3,
		'\x89504e470d0a1a0a0000000d49484452000000180000001808020000006f15aaaf0000001d4944415478da63f84f25c030'
		'6ad0a841a3068d1a346ad0a841036f10004705b99bd964469a0000000049454e44ae426082'),
	('transparent', true, 3,
		'\x89504e470d0a1a0a0000000d4948445200000018000000180806000000e0773df8000002a14944415478da15d611db8530'
		'1880e1e9d1743a4dd3344dd3344dd3699aa6d369daf5d9fed27707b7f69cabb6f73de12f84f0f7a32392e8191899985958d9'
		'd839c89c5cdc142a0f2fed7b78f809d01149f40c8c4ccc2cac6cec1c644e2e6e0a958797f6fdf2d009d01149f40c8c4ccc2c'
		'ac6cec1c644e2e6e0a958797f6bd961005e888247a06462666165636760e3227173785cac34bfbde7948027444123d032313'
		'330b2b1b3b0799938b9b42e5e1a57d1f34f4027444123d032313330b2b1b3b0799938b9b42e5e1a57da7250c027444123d03'
		'2313330b2b1b3b0799938b9b42e5e1a57d47318c027444123d032313330b2b1b3b0799938b9b42e5e1a57de73c4c02744412'
		'3d032313330b2b1b3b0799938b9b42e5e1a57d9728cc027444123d032313330b2b1b3b0799938b9b42e5e1a57d37342c0274'
		'44123d032313330b2b1b3b0799938b9b42e5e1a57dd73fac027444123d032313330b2b1b3b0799938b9b42e5e1a57db3256c'
		'027444123d032313330b2b1b3b0799938b9b42e5e1a57d832bec027444123d032313330b2b1b3b0799938b9b42e5e1a57d53'
		'311c027444123d032313330b2b1b3b0799938b9b42e5e1a57d233764013a22899e8191899985958d9d83ccc9c54da1f2f0d2'
		'be791e4e013a22899e8191899985958d9d83ccc9c54da1f2f0d2be65112e013a22899e8191899985958d9d83ccc9c54da1f2'
		'f0d2be4d146e013a22899e8191899985958d9d83ccc9c54da1f2f0d2be35178a001d9144cfc0c8c4ccc2cac6ce41e6e4e2a6'
		'50797869df0e0d55808e48a26760646266616563e72073727153a83cbcb46f418747808e48a26760646266616563e7207372'
		'7153a83cbcb46ffb8757808e48a26760646266616563e72073727153a83cbcb4efaf4568027444123d032313330b2b1b3b07'
		'99938b9b42e5e1a5b5f00f854093eefa8116cf0000000049454e44ae426082'),
	('16 bits', false, 3,
		'\x89504e470d0a1a0a0000000d494844520000000c0000000a10020000005fdef4ee000001ae4944415478da6360d00caa5e'
		'72960a24846237886c5a7d85cf3ca173d36d51bbf4093b1fc9b8e64d3ff052d9a774def10f5ac1354bcf7d378c6a5e73f59f'
		'4562d7e63bacf61913773de671cb9f71f095b06fd9fc131fa5a006418c80688668836880280da95d76fe876252f796bb6cfa'
		'05330fbd16b1ad5b7ee1a79277cfd67b4017cc3afc066837d420882b2046406c8368ce9cb4fb09af1944dbe43d4f81f6adb8'
		'f80be8ccbdcff881365dfaad0274ce73014ba01d5083206e81b8026204c466889d10cd47de8a01ed78c06914ddb2f68faa5f'
		'f98293128e5940d34d62dbd6df60841a04090b884720ae80180154017426c4e6af72ee40d3219aad537ab7dde7886bdf7093'
		'49bb71d565a0b95083209e82b805e211882b204640ec57f3af5878ea7340e5a2d35f64ab169f019abbe4ec37798fc273df15'
		'3c8b66430d82c4082438216101f108c4151023c21b5602cdedd8788b592774e7236ea08f5e09dba4f66d9776c99db6ff05d4'
		'2048e840c205e2164858403c027105c488032f8580fefaa1e8553ce72838cdfc05c78d29d420484c413c0589118877206101'
		'f108c4151023c0a985059c809cc181d904002b115f9c31c544530000000049454e44ae426082'),
	('grey of 16 bits', false, 1,
		'\x89504e470d0a1a0a0000000d494844520000000c0000000a1000000000f5d73c65000000ec4944415478da6360b0c50119'
		'6c599db8dcf97d440225c3e4a29513345275b38cf2cd4b80125cee228172d11aa946f936956ecd01bd51d35316e6ad064af0'
		'fbc845eb66d9547a77444dcf5c56b1b5fdc8b4cb4b1f0125440235526d2a037a5316566ced39b9e0ee968f2758ef48022524'
		'c38cf2bd3b5216d6ee9a7679fd9b13ac0fe57e990b070025e4a26d2aa3a6576c9d7679cbc74bfc1f74f9bc7532bdda8112ca'
		'096ecd99cb7a4eae7f7389ffab9144a87545dcecc67d40098dd480de8aad0bee9e60fda02b11ea509bb174c2d91d5f8112ba'
		'5951d3db8f6cf9f8508ecfdbba2263e9d44b87febfd7010050f65d9d36f4eedd0000000049454e44ae426082');
CREATE VIEW steps AS
SELECT unnest('{denoise,hair,illumination,exposure,levels,colour_constancy,white_balance,contrast,sharpen,'
	'upscale}'::text[]) AS step;

SELECT is(count(*), 10::bigint, 'they are what they are called')
FROM odd, lesion_image_info(image) AS i
WHERE (name LIKE '%16 bits') = (i.bits = 16) AND (name = 'transparent') = (i.channels = 4)
	AND (name LIKE '%grey%') = (i.channels = 1);

-- Degradations.
SELECT is(count(*), 10 * 13 * 5::bigint, 'each kind and severity keeps size and colour')
FROM odd, lesion_degradations(), generate_series(1, 5) AS severity, lesion_image_info(image) AS before,
	lesion_image_info(lesion_degrade(image, kind, severity, 3)) AS after
WHERE (after.width, after.height, after.channels, after.bits) = (before.width, before.height, odd.channels, 8);
SELECT is(count(DISTINCT lesion_degrade(image, kind, severity)), 1::bigint,
	'what averages leaves ' || name || ' as it is')
FROM odd, unnest('{blur,motion_blur,low_resolution}'::text[]) AS kind, generate_series(1, 5) AS severity
WHERE constant GROUP BY name ORDER BY name;

-- Quality and plan.
SELECT is(count(*), 10::bigint, 'every measure is a number, no more and no less')
FROM odd, lesion_quality(image) AS q,
	LATERAL (SELECT bool_and(value::float8 BETWEEN 0 AND 1e5) AS numbers, count(*) AS n
		FROM jsonb_each_text(to_jsonb(q)) WHERE key <> 'issues') AS v
WHERE numbers AND n >= 8 AND q.score BETWEEN 0 AND 1 AND q.issues IS NOT NULL;
SELECT is(count(*), 0::bigint, 'a plan says why, or nothing') FROM odd, lesion_enhance_plan(image)
WHERE length(reason) <= 10;
SELECT is(count(*), 10::bigint, 'and can be followed')
FROM odd, lesion_image_info(image) AS before, lesion_image_info(lesion_enhance(image)) AS after
WHERE (after.width, after.height) = (before.width, before.height);

-- Steps.
SELECT is(count(*), 10 * 10::bigint, 'each step keeps size and colour, or doubles the size')
FROM odd, steps, lesion_image_info(image) AS before, lesion_image_info(lesion_enhance(image, ARRAY[step])) AS after
WHERE (after.width, after.height) = (before.width * CASE step WHEN 'upscale' THEN 2 ELSE 1 END,
	before.height * CASE step WHEN 'upscale' THEN 2 ELSE 1 END)
	AND after.channels = odd.channels AND after.bits = 8;
SELECT is(count(*), 5 * 9::bigint, 'none changes an image without a difference')
FROM odd, steps
WHERE constant AND step <> 'upscale'
	AND lesion_enhance(image, ARRAY[step]) = lesion_degrade(image, 'blur', 1);
SELECT is(count(*), 5::bigint, 'nor do all of them')
FROM odd WHERE constant AND lesion_enhance(image, (SELECT array_agg(step) FROM steps WHERE step <> 'upscale')) =
	lesion_degrade(image, 'blur', 1);
SELECT is(lesion_enhance(a.image, '{contrast}'), lesion_enhance(b.image, '{contrast}'), 'what nobody can see is black')
FROM odd AS a, odd AS b WHERE a.name = 'transparent' AND b.name = 'black';
SELECT is(lesion_enhance(lesion_enhance(image, '{upscale}'), '{upscale}'),
	lesion_enhance(image, '{upscale}', '{"upscale_factor": 4}'), 'white enlarged is white')
FROM odd WHERE name = 'white';

-- A kilobyte may say that it is a hundred million pixels wide: a header, a palette, the end of the picture.
SELECT throws_ok(format('SELECT lesion_quality(%L)',
	'\x424d' || '38040000' || '00000000' || '36040000' || '28000000' || '00000100' || '01000000' || '0100' || '0800' ||
	'01000000' || '02000000' || repeat('00', 16) || repeat('40404000', 256) || '0001'), '54000',
	'image: the image is 65536 x 1 pixels', 'a side above 65535');

SELECT * FROM finish();
ROLLBACK;
