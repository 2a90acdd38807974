-- Two databases of one server, each with a user of its own who reaches nothing else, and one who reads the record.
-- Run once, by an empty server.
\getenv mlflow_password MLFLOW_DB_PASSWORD
\getenv hpo_password HPO_DB_PASSWORD
\getenv dashboard_password DASHBOARD_DB_PASSWORD

CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;

CREATE ROLE hpo LOGIN PASSWORD :'hpo_password';
CREATE DATABASE hpo OWNER hpo;
REVOKE ALL ON DATABASE hpo FROM PUBLIC;

REVOKE ALL ON DATABASE postgres FROM PUBLIC;

CREATE ROLE dashboard LOGIN PASSWORD :'dashboard_password';
GRANT CONNECT ON DATABASE hpo TO dashboard;
\connect hpo
ALTER DEFAULT PRIVILEGES FOR ROLE hpo IN SCHEMA public GRANT SELECT ON TABLES TO dashboard;
