"""Which files hold a secret: the name says where to look, the content decides."""

from __future__ import annotations

import json

import pytest

from helpers.examine import credentials

# In two pieces, so that nobody takes this file for a key.
KEY = f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
ACCOUNT = json.dumps({"type": "service_account", "private_key": KEY})
STATE = '{"version": 4, "resources": [{"type": "random_password"}]}'

SECRETS = {
    ".env": ("DB_PASSWORD=q7Fz29xLm4\n", "`DB_PASSWORD`"),
    "backend/.env.production": (f"export STRIPE_KEY='{'sk_live'}_4eC39HqLyjWDarjt'\n", "`STRIPE_KEY`"),
    "short.env": ("DB_PASSWORD=hunter2\n", "`DB_PASSWORD`"),
    "prod.env": ("DATABASE_URL=postgres://app:q7Fz29xLm4@db.example.com/app\n", "`DATABASE_URL`"),
    ".envs/.production/.django": ("DJANGO_SECRET_KEY=G7fQ0xk2Zp9Lw4sT\n", "`DJANGO_SECRET_KEY`"),
    "main.tfvars": ('db_password = "q7Fz29xLm4"\n', "`db_password`"),
    "certs/site.key": (KEY, "a private key"),
    "id_rsa": (KEY.replace("RSA", "OPENSSH"), "a private key"),
    "config/master.key": ("0123456789abcdef0123456789abcdef\n", "a key"),
    ".npmrc": ("//registry.example.com/:_authToken=npm_a1b2c3d4e5f6\n", "a token of npm"),
    ".yarnrc.yml": ('npmAuthToken: "a1b2c3d4e5f6"\n', "a token of npm"),
    "gcp-service-account.json": (ACCOUNT, "the key of a service account"),
    "terraform.tfstate": (STATE, "the state of Terraform, with the values of its resources"),
    "home/.aws/credentials": (
        "[default]\naws_secret_access_key = q7Fz29xLm4q7Fz29xLm4\n",
        "a key of AWS",
    ),
    ".docker/config.json": ('{"auths": {"x": {"auth": "dXNlcjpwYXNz"}}}', "the login of a registry"),
    ".kube/config": ("users:\n- user:\n    client-key-data: LS0tLS1CRUdJ\n", "the login of a cluster"),
    ".netrc": ("machine example.com login me password q7Fz29xLm4\n", "a password"),
    ".git-credentials": ("https://me:q7Fz29xLm4@example.com\n", "a password"),
}


@pytest.mark.parametrize(("path", "content", "what"), [(k, *v) for k, v in SECRETS.items()], ids=SECRETS)
def test_a_secret_is_named_and_its_value_is_not_told(path, content, what):
    assert credentials.may_hold(path)
    assert credentials.held(path, content.encode()) == what


HARMLESS = {
    "a port": (".env", "PORT=3050\nNODE_ENV=production\n"),
    "nothing": (".env", "API_KEY=\nDB_PASSWORD=''\n"),
    "a placeholder": (".env", "API_KEY=your-api-key-123\nSECRET=changeme123\nTOKEN=<token1234>\n"),
    "a variable": (".env", "DB_PASSWORD=${DB_PASSWORD}\n"),
    "a word": (".env", "POSTGRES_PASSWORD=postgres\nSECRET_KEY=secretsecret\n"),
    "a comment": (".env", "# DB_PASSWORD=q7Fz29xLm4\n"),
    "a key for everybody": (".env", "NEXT_PUBLIC_API_KEY=pk_q7Fz29xLm4\n"),
    "a file's place": (".env", "JWT_SECRET_FILE=/run/secrets/jwt1\nTOKEN_TTL=3600seconds1\n"),
    "a database of the developer": (".env", "DATABASE_URL=postgres://app:q7Fz29xLm4@localhost/app\n"),
    "an address without a password": (
        ".env",
        "SENTRY_DSN=https://a1b2c3d4e5f6a7b8@sentry.example.com/1\n",
    ),
    "a default of a framework": (".env", "SECRET_KEY='django-insecure-x8f$k2'\n"),
    "one digit again and again": (".env", "API_KEY=0000000000000000\n"),
    "a certificate": ("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIE\n"),
    "a public key": ("jwt.key", "-----BEGIN PUBLIC KEY-----\nMIIE\n"),
    "a key ring": ("apt.key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQIN\n"),
    "translations": ("de.key", "hello = hallo\n"),
    "npm's settings": (".npmrc", "save-exact=true\n//x/:_authToken=${NPM_TOKEN}\n"),
    "an empty state": ("terraform.tfstate", '{"version": 4, "resources": []}'),
    "another document": ("service-account.json", '{"type": "service_account"}'),
    "a broken document": ("credentials.json", "{"),
    "a list": ("key.json", "[1]"),
}


@pytest.mark.parametrize(("path", "content"), HARMLESS.values(), ids=HARMLESS)
def test_what_only_bears_the_name_of_a_secret_is_left(path, content):
    assert credentials.held(path, content.encode()) == ""


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env.example",
            ".env.sample",
            "a/.env.template",
            "id_rsa.pub",
            "src/env.ts",
            "monkey",
            "keys.md",
        ),
        *("tests/certs/server.key", "node_modules/x/.env", "testdata/id_rsa", ".git/config"),
        *("secrets.enc.env.gpg", "package.json"),
    ],
)
def test_templates_fixtures_and_other_names_are_not_read(path):
    assert not credentials.may_hold(path)


def test_any_bytes_can_be_asked():
    for path in SECRETS:
        assert credentials.held(path, b"\xff\x00\n=\n:\n") == ""
